// SPDX-License-Identifier: LGPL-2.1-or-later
// The daemon's configuration as a validated value; config_json.hpp reads it from text.
#pragma once

#include "common/base/cpu_set.hpp"
#include "policy.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <string>

namespace virtpind {

struct Config {
    PolicyCatalog catalog;
    std::string default_policy = "none";
    std::optional<CpuSet> housekeeping;                     // nullopt: auto; empty set: none
    std::map<std::string, PolicySpec, std::less<>> domains; // key: UUID (canonical) or name
    std::chrono::seconds period{60};                        // of the repairing pass; 5..3600
};

} // namespace virtpind
