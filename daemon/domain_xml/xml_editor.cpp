// SPDX-License-Identifier: LGPL-2.1-or-later
#include "xml_editor.hpp"

#include "xml_reader.hpp"

#include <algorithm>
#include <array>
#include <sstream>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace virtpind {

namespace {

// Levels below <domain>, whose children are at 1.
int depth_of(pugi::xml_node element)
{
    auto depth = 0;
    for (; element && element.name() != std::string_view{"domain"}; element = element.parent()) {
        ++depth;
    }
    return depth;
}

// A line break and the indentation of an element that is `depth` levels below <domain>: as the
// siblings have it, else as libvirt writes it.
std::string blank_before(const pugi::xml_node& first_sibling, int depth)
{
    return is_blank(first_sibling) ? std::string{first_sibling.value()}
                                   : "\n" + std::string(static_cast<std::size_t>(depth) * 2, ' ');
}

// With every quote, however it is written, as a double one.
std::string without_quotes(std::string_view line)
{
    std::string text;
    text.reserve(line.size());
    for (std::size_t at = 0; at < line.size();) {
        const auto entity = line[at] == '&' ? line.substr(at, 6) : std::string_view{};
        const auto is_quote = entity == "&apos;" || entity == "&quot;";
        text += is_quote || line[at] == '\'' ? '"' : line[at];
        at += is_quote ? 6 : 1;
    }
    return text;
}

// Calls see(line) for each line, its end included.
template <class See>
void each_line(std::string_view text, See see)
{
    while (!text.empty()) {
        const auto end = text.find('\n');
        const auto line = text.substr(0, end == std::string_view::npos ? end : end + 1);
        see(line);
        text.remove_prefix(line.size());
    }
}

// `text` with those lines of `before` that differ from a line of it in nothing but the kind of
// quotes: libvirt itself mixes both, and writing a document knows only one.
std::string quoted_as(std::string_view before, std::string_view text)
{
    std::unordered_set<std::string_view> exact;
    std::unordered_map<std::string, std::string_view> alike;
    each_line(before, [&](std::string_view line) {
        exact.insert(line);
        alike.emplace(without_quotes(line), line);
    });
    std::string result;
    each_line(text, [&](std::string_view line) {
        const auto at = alike.find(without_quotes(line));
        result += exact.count(line) != 0 || at == alike.end() ? line : at->second;
    });
    return result;
}

// Children in libvirt's own order, as far as virtpind adds any.
constexpr std::array domain_order{"vcpu",    "vcpus",    "iothreads", "iothreadids",
                                  "cputune", "numatune", "resource",  "sysinfo",
                                  "os",      "idmap",    "features",  "cpu"};
constexpr std::array os_order{"type", "loader", "nvram", "boot", "bootmenu", "smbios"};
constexpr std::array cpu_order{"model",       "vendor",  "topology", "cache",
                               "maxphysaddr", "feature", "numa"};

template <std::size_t Size>
pugi::xml_node last_up_to(const pugi::xml_node& parent, const char* name,
                          const std::array<const char*, Size>& order)
{
    const std::string_view wanted{name};
    const auto end = std::find(order.begin(), order.end(), wanted);
    for (auto child = parent.last_child(); child; child = child.previous_sibling()) {
        if (child.name() == wanted ||
            std::find(order.begin(), end, std::string_view{child.name()}) != end) {
            return child;
        }
    }
    return {};
}

// A copy in the normal form: attributes by name, neither comments nor blanks between elements.
void copy_normal(const pugi::xml_node& from, pugi::xml_node to)
{
    std::vector<pugi::xml_attribute> attributes(from.attributes_begin(), from.attributes_end());
    std::sort(attributes.begin(), attributes.end(), [](const auto& a, const auto& b) {
        return std::string_view{a.name()} < std::string_view{b.name()};
    });
    for (const auto& attribute : attributes) {
        to.append_attribute(attribute.name()).set_value(attribute.value());
    }
    for (const auto child : from.children()) {
        if (child.type() == pugi::node_element) {
            copy_normal(child, to.append_child(child.name()));
        } else if (child.type() == pugi::node_pcdata && !is_blank(child)) {
            to.append_child(pugi::node_pcdata).set_value(trimmed_text(from).c_str());
        }
    }
}

} // namespace

bool is_blank(const pugi::xml_node& node)
{
    return node.type() == pugi::node_pcdata &&
           std::string_view{node.value()}.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

pugi::xml_node insert_element(pugi::xml_node parent, const pugi::xml_node& anchor, const char* name)
{
    const auto depth = depth_of(parent) + 1;
    const auto blank = blank_before(parent.first_child(), depth);
    if (!parent.first_child()) {
        const auto closing = blank_before(parent.previous_sibling(), depth - 1);
        parent.append_child(pugi::node_pcdata).set_value(closing.c_str());
    }
    const auto element =
        anchor ? parent.insert_child_after(name, anchor) : parent.prepend_child(name);
    parent.insert_child_before(pugi::node_pcdata, element).set_value(blank.c_str());
    return element;
}

pugi::xml_node insert_in_order(pugi::xml_node parent, const char* name)
{
    const std::string_view in{parent.name()};
    return insert_element(parent,
                          in == "cpu"  ? last_up_to(parent, name, cpu_order)
                          : in == "os" ? last_up_to(parent, name, os_order)
                                       : last_up_to(parent, name, domain_order),
                          name);
}

void remove_element(pugi::xml_node element)
{
    auto parent = element.parent();
    if (const auto blank = element.previous_sibling(); is_blank(blank)) {
        parent.remove_child(blank);
    }
    parent.remove_child(element);
}

pugi::xml_node last_of(const pugi::xml_node& parent, std::initializer_list<std::string_view> names)
{
    for (auto child = parent.last_child(); child; child = child.previous_sibling()) {
        if (std::find(names.begin(), names.end(), child.name()) != names.end()) {
            return child;
        }
    }
    return {};
}

pugi::xml_node last_element(const pugi::xml_node& parent)
{
    auto child = parent.last_child();
    while (child && child.type() != pugi::node_element) {
        child = child.previous_sibling();
    }
    return child;
}

void set_attribute(pugi::xml_node element, const char* name, const std::string& value)
{
    auto attribute = element.attribute(name);
    if (!attribute) {
        attribute = element.append_attribute(name);
    }
    attribute.set_value(value.c_str());
}

std::string edited_text(const pugi::xml_document& document, std::string_view before)
{
    const auto root = before.find("<domain");
    const auto quotes =
        before.find('\'', root) < before.find('"', root) ? pugi::format_attribute_single_quote : 0U;
    std::ostringstream text;
    document.save(text, "", pugi::format_raw | pugi::format_no_declaration | quotes,
                  pugi::encoding_utf8);
    return quoted_as(before, text.str());
}

std::string normal_text(const pugi::xml_node& element)
{
    pugi::xml_document copy;
    copy_normal(element, copy.append_child(element.name()));
    std::ostringstream text;
    copy.save(text, "", pugi::format_raw | pugi::format_no_declaration, pugi::encoding_utf8);
    return text.str();
}

void fill_like(pugi::xml_node element, const pugi::xml_node& from)
{
    for (const auto attribute : from.attributes()) {
        element.append_copy(attribute);
    }
    for (const auto child : from.children()) {
        if (child.type() == pugi::node_element) {
            const auto last = element.find_child([](const auto& node) {
                return node.type() == pugi::node_element && !node.next_sibling().next_sibling();
            });
            fill_like(insert_element(element, last, child.name()), child);
        } else {
            element.append_copy(child);
        }
    }
}

} // namespace virtpind
