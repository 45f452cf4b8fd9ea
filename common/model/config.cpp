// SPDX-License-Identifier: LGPL-2.1-or-later
#include "config.hpp"

#include <algorithm>

namespace virtpind {

const PolicySpec* Config::find_domain(const DomainUuid& uuid, std::string_view name) const
{
    for (const auto key : {std::string_view{uuid.str()}, name}) {
        if (const auto exact = domains.find(key); exact != domains.end()) {
            return &exact->second;
        }
    }
    const auto find = [this](auto is_it) -> const PolicySpec* {
        const auto at = std::find_if(domain_patterns.begin(), domain_patterns.end(), is_it);
        return at != domain_patterns.end() ? &at->policy : nullptr;
    };
    // A domain may be named "web[1]".
    const auto* same = find([name](const DomainPattern& pattern) { return pattern.text == name; });
    return same != nullptr
               ? same
               : find([name](const DomainPattern& pattern) { return pattern.glob.matches(name); });
}

} // namespace virtpind
