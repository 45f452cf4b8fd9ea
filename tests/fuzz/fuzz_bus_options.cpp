// SPDX-License-Identifier: LGPL-2.1-or-later
// Any a{sv} as policy options: accepted or refused with words, and what is accepted makes a policy
// or an error, and travels back as it came. The input is a list of (key, type, value) in lines. The
// same bytes as the line of text of Set: what is accepted is the same again from its own words.
#include "common/model/policy.hpp"
#include "common/model/policy_text.hpp"
#include "dbus/options.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <sstream>

namespace {

using namespace virtpind;

void require(bool holds)
{
    if (!holds) {
        std::abort();
    }
}

std::vector<std::string> split(const std::string& text)
{
    std::vector<std::string> parts;
    std::istringstream in{text};
    for (std::string part; std::getline(in, part, ',');) {
        parts.push_back(part);
    }
    return parts;
}

sdbus::Variant make_variant(char type, const std::string& value)
{
    const auto number = std::strtoll(value.c_str(), nullptr, 10);
    switch (type) {
    case 'b':
        return sdbus::Variant{number != 0};
    case 'y':
        return sdbus::Variant{static_cast<std::uint8_t>(number)};
    case 'n':
        return sdbus::Variant{static_cast<std::int16_t>(number)};
    case 'q':
        return sdbus::Variant{static_cast<std::uint16_t>(number)};
    case 'x':
        return sdbus::Variant{std::int64_t{number}};
    case 'i':
        return sdbus::Variant{static_cast<std::int32_t>(number)};
    case 'u':
        return sdbus::Variant{static_cast<std::uint32_t>(number)};
    case 't':
        return sdbus::Variant{static_cast<std::uint64_t>(number)};
    case 'd':
        return sdbus::Variant{static_cast<double>(number)};
    case 'a':
        return sdbus::Variant{split(value)};
    case 'm': // no option has such a type
        return sdbus::Variant{std::map<std::string, std::string>{{value, value}}};
    default:
        return sdbus::Variant{value};
    }
}

// Lines of "key type value", as `smt s isolate`.
bus::VariantMap make_options(const std::string& text)
{
    bus::VariantMap options;
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);) {
        const auto blank = line.find(' ');
        if (blank == std::string::npos || blank + 1 == line.size()) {
            continue;
        }
        const auto value = line.size() > blank + 3 ? line.substr(blank + 3) : std::string{};
        try {
            options[line.substr(0, blank)] = make_variant(line[blank + 1], value);
        } catch (const sdbus::Error&) {
            continue; // no such string can come over a bus: it is not UTF-8
        }
    }
    return options;
}

void check_text(std::string_view text)
{
    const auto parsed = parse_policy_text(text);
    if (!parsed) {
        require(parsed.error().code == Errc::invalid_policy &&
                parsed.error().message.size() < 4096);
        return;
    }
    std::string words = parsed->policy;
    for (const auto& [name, value] : parsed->options) {
        words += " " + name + "=" + option_text(value);
    }
    const auto again = parse_policy_text(words);
    require(again && again->policy == parsed->policy && again->options == parsed->options);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string bytes{data, data + size};
    check_text(bytes);
    static_cast<void>(bus::parse_options(make_options(bytes), bus::EmptyText::takes_away));
    const auto parsed = bus::parse_options(make_options(bytes));
    if (!parsed) {
        require(!parsed.error().message.empty());
        return 0;
    }
    const auto again = bus::parse_options(bus::to_variants(parsed->options));
    require(again && again->options == parsed->options);
    const PolicyCatalog catalog;
    const auto spec = make_policy_spec(catalog, "dedicated", parsed->options, PolicyName::required);
    require(spec || spec.error().code == Errc::invalid_policy ||
            spec.error().code == Errc::limits_exceeded);
    return 0;
}
