// SPDX-License-Identifier: LGPL-2.1-or-later
#include "parts.hpp"

namespace virtpind {

const std::string& value_of(const DefinitionParts& parts, const std::string& name)
{
    static const std::string absent;
    const auto at = parts.find(name);
    return at != parts.end() ? at->second : absent;
}

void set_value(DefinitionParts& parts, const std::string& name, const std::string& value)
{
    if (value.empty()) {
        parts.erase(name);
    } else {
        parts[name] = value;
    }
}

std::set<std::string> names_in(std::initializer_list<const DefinitionParts*> all)
{
    std::set<std::string> names;
    for (const auto* parts : all) {
        for (const auto& [name, value] : *parts) {
            names.insert(name);
        }
    }
    return names;
}

} // namespace virtpind
