// SPDX-License-Identifier: LGPL-2.1-or-later
// The daemon's configuration as a validated value; config_json.hpp reads it from text.
#pragma once

#include "common/base/cpu_set.hpp"
#include "common/base/glob.hpp"
#include "common/base/ids.hpp"
#include "policy.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace virtpind {

// The policy of all domains whose names a pattern matches.
struct DomainPattern {
    std::string text;
    Glob glob;
    PolicySpec policy;
};

struct Config {
    PolicyCatalog catalog;
    std::string default_policy = "none";
    std::optional<CpuSet> housekeeping;                     // nullopt: auto; empty set: none
    std::map<std::string, PolicySpec, std::less<>> domains; // key: UUID (canonical) or name
    // The more specific first; of two that are as specific as each other, no name matches both, or
    // they have the same policy.
    std::vector<DomainPattern> domain_patterns;
    std::chrono::seconds period{60}; // of the repairing pass; 5..3600
    bool tidy = true; // running domains may move for fewer nodes or L3s, as far as `move` allows

    // What is configured for one domain: by its UUID, else its name, else the most specific pattern
    // that matches its name; nullptr if nothing is.
    [[nodiscard]] const PolicySpec* find_domain(const DomainUuid& uuid,
                                                std::string_view name) const;
};

} // namespace virtpind
