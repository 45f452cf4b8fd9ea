// SPDX-License-Identifier: LGPL-2.1-or-later
#include "hwloc_handle.hpp"

#include "common/base/cpu_set.hpp"
#include "common/base/messages.hpp"
#include "common/base/text_file.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <new>

namespace virtpind {

namespace {

constexpr std::size_t xml_bytes_max = 16 * 1024 * 1024;
constexpr std::size_t description_bytes_max = 4096;

Error invalid(std::string message)
{
    return Error{.code = Errc::invalid_argument, .message = std::move(message)};
}

Error too_large(const std::string& what)
{
    return Error{.code = Errc::limits_exceeded,
                 .message = "synthetic topology: " + what + "; at most " +
                            std::to_string(id_set_limit) +
                            " CPUs, with numbers below that, are accepted"};
}

// The number at the start of `text`, capped well above every limit; 0 when there is none.
std::uint64_t leading_number(std::string_view text)
{
    constexpr std::uint64_t cap = std::uint64_t{1} << 32U;
    std::uint64_t number = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
    return parsed.ec == std::errc::result_out_of_range ? cap : std::min(number, cap);
}

// hwloc builds whatever it is told, so the size of a description is judged before: the product of
// its arities, "pack:2 core:4 [numa(memory=1GB)] pu:2(indexes=...)", and every index in it.
Result<void> check_description(std::string_view text)
{
    std::uint64_t cpus = 1;
    auto depth = 0; // inside (...) or [...]
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = text[i];
        depth += c == '(' || c == '[' ? 1 : c == ')' || c == ']' ? -1 : 0;
        const auto starts_number = std::isdigit(static_cast<unsigned char>(c)) != 0 &&
                                   (i == 0 || text[i - 1] == ':' || text[i - 1] == ' ');
        if (depth == 0 && starts_number) {
            cpus *= std::max<std::uint64_t>(leading_number(text.substr(i)), 1);
        }
        if (cpus > id_set_limit) {
            return too_large("too many CPUs");
        }
    }
    constexpr std::string_view key = "indexes=";
    for (auto at = text.find(key); at != std::string_view::npos; at = text.find(key, at + 1)) {
        const auto list = text.substr(at, text.find_first_of(") ", at) - at);
        for (auto digit = list.find_first_of("0123456789"); digit != std::string_view::npos;
             digit =
                 list.find_first_of("0123456789", list.find_first_not_of("0123456789", digit))) {
            if (leading_number(list.substr(digit)) > id_set_limit) {
                return too_large("an index is too high");
            }
        }
    }
    return {};
}

Error not_understood(const std::string& description)
{
    return invalid("synthetic topology " + in_quotes(description) +
                   " is invalid; write it like \"pack:2 [numa] l3:2 core:4 pu:2\"");
}

Result<void> set_synthetic(hwloc_topology_t topology, const std::string& text)
{
    if (text.size() > description_bytes_max) {
        return too_large("the description has more than " + std::to_string(description_bytes_max) +
                         " bytes");
    }
    if (auto checked = check_description(text); !checked) {
        return checked;
    }
    if (hwloc_topology_set_synthetic(topology, text.c_str()) != 0) {
        return not_understood(text);
    }
    return {};
}

// The format that an XML text says it is in, <topology version="3.0">; "" where it does not say.
std::string xml_format(std::string_view text)
{
    constexpr std::string_view element = "<topology ";
    constexpr std::string_view attribute = "version=\"";
    const auto start = text.find(element);
    if (start == std::string_view::npos) {
        return {};
    }
    const auto tag = text.substr(start, text.find('>', start) - start);
    const auto version = tag.find(attribute);
    if (version == std::string_view::npos) {
        return {};
    }
    constexpr std::size_t format_bytes_max = 8;
    const auto value = tag.substr(version + attribute.size(), format_bytes_max);
    return std::string{value.substr(0, value.find_first_not_of("0123456789."))};
}

// The file was written by a newer hwloc than this one: no mistake of whoever wrote it.
Error newer_format(const std::string& path, const std::string& format)
{
    const auto major = std::to_string(hwloc_get_api_version() >> 16U);
    return invalid("topology file " + path_in_quotes(path) + " is in the XML format of hwloc " +
                   format + ", but virtpind uses hwloc " + std::string{HWLOC_VERSION} +
                   "; write it in the older format, with 'lstopo --export-xml-flags v" + major +
                   " FILE.xml'");
}

Error not_hwloc_xml(const std::string& path)
{
    const auto text = read_text_file(path, xml_bytes_max);
    const auto format = text ? xml_format(*text) : std::string{};
    if (leading_number(format) > hwloc_get_api_version() >> 16U) {
        return newer_format(path, format);
    }
    return invalid("topology file " + path_in_quotes(path) +
                   " is not valid hwloc XML; write one with 'lstopo FILE.xml'");
}

Result<void> set_xml(hwloc_topology_t topology, const std::string& path)
{
    const auto text = read_text_file(path, xml_bytes_max);
    if (!text) {
        return text.error();
    }
    // The size counts the terminating NUL.
    const auto bytes = static_cast<int>(text->size()) + 1;
    if (hwloc_topology_set_xmlbuffer(topology, text->c_str(), bytes) != 0) {
        return not_hwloc_xml(path);
    }
    return {};
}

Result<void> set_source(hwloc_topology_t topology, const TopologySource& source)
{
    switch (source.kind) {
    case TopologySource::Kind::live:
        return {};
    case TopologySource::Kind::xml:
        return set_xml(topology, source.text);
    case TopologySource::Kind::synthetic:
        return set_synthetic(topology, source.text);
    case TopologySource::Kind::lscpu:
        return invalid(
            "hwloc does not read what lscpu writes; write a file with 'lstopo FILE.xml'");
    }
    return {};
}

void configure(hwloc_topology_t topology)
{
    for (const auto* component : {"x86", "opencl", "cuda", "nvml", "rsmi", "levelzero", "gl"}) {
        // Fails only for components this hwloc was built without.
        hwloc_topology_set_components(topology, HWLOC_TOPOLOGY_COMPONENTS_FLAG_BLACKLIST,
                                      component);
    }
    hwloc_topology_set_flags(topology, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED);
    hwloc_topology_set_cache_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_ALL);
    hwloc_topology_set_icache_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_ALL);
    hwloc_topology_set_io_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_IMPORTANT);
    // Passthrough is of USB controllers and sound functions too, which hwloc finds unimportant.
    hwloc_topology_set_type_filter(topology, HWLOC_OBJ_PCI_DEVICE, HWLOC_TYPE_FILTER_KEEP_ALL);
    // For what is drawn beside CPUs.
    hwloc_topology_set_type_filter(topology, HWLOC_OBJ_MISC, HWLOC_TYPE_FILTER_KEEP_ALL);
}

Error load_error(const TopologySource& source)
{
    switch (source.kind) {
    case TopologySource::Kind::xml:
        return not_hwloc_xml(source.text);
    case TopologySource::Kind::synthetic:
        return not_understood(source.text);
    case TopologySource::Kind::live:
    case TopologySource::Kind::lscpu:
        break;
    }
    return Error{.code = Errc::host_unavailable,
                 .message = std::string{"hwloc failed to read this host: "} + std::strerror(errno)};
}

} // namespace

Result<HwlocHandle> load_hwloc(const TopologySource& source)
{
    hwloc_topology_t raw = nullptr;
    if (hwloc_topology_init(&raw) != 0) {
        throw std::bad_alloc{};
    }
    HwlocHandle handle{raw};
    configure(raw);
    if (auto set = set_source(raw, source); !set) {
        return std::move(set).error();
    }
    if (hwloc_topology_load(raw) != 0) {
        return load_error(source);
    }
    return handle;
}

} // namespace virtpind
