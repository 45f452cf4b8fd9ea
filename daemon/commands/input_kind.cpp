// SPDX-License-Identifier: LGPL-2.1-or-later
#include "input_kind.hpp"

namespace virtpind {

namespace {

// Of what the file is about; comments and prologs are skipped only as far as they are short.
constexpr std::size_t looked_at_max = 4096;

bool is_json(std::string_view text)
{
    const auto first = text.find_first_not_of(" \t\r\n");
    return first != std::string_view::npos &&
           (text[first] == '{' || text[first] == '[' || text.substr(first, 2) == "//" ||
            text.substr(first, 2) == "/*");
}

bool has_element(std::string_view text, std::string_view name)
{
    const auto start = text.substr(0, looked_at_max);
    for (const auto* end : {" ", ">", "\n", "\t"}) {
        if (start.find("<" + std::string{name} + end) != std::string_view::npos) {
            return true;
        }
    }
    return false;
}

} // namespace

std::optional<std::string> instead_of_definition(std::string_view text)
{
    if (is_json(text)) {
        return "this is JSON, not the XML of a domain; a scenario is given with --scenario FILE, a "
               "configuration with --config FILE";
    }
    if (has_element(text, "topology") && !has_element(text, "domain")) {
        return "this is a host's topology, not a domain; it is given with --topology xml:FILE";
    }
    return std::nullopt;
}

std::optional<std::string> instead_of_scenario(std::string_view text)
{
    if (has_element(text, "domain")) {
        return "this is the XML of a domain, not a scenario in JSON; it is given without "
               "--scenario";
    }
    if (has_element(text, "topology")) {
        return "this is a host's topology, not a scenario in JSON; it is given with --topology "
               "xml:FILE";
    }
    return std::nullopt;
}

} // namespace virtpind
