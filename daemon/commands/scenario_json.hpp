// SPDX-License-Identifier: LGPL-2.1-or-later
// A scenario for `virtpind plan`: a host and its domains as JSON. Strict, with the line of every
// error.
#pragma once

#include "common/base/result.hpp"
#include "common/model/config.hpp"
#include "common/model/plan.hpp"
#include "daemon/topology/topology_reader.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace virtpind {

inline constexpr std::size_t scenario_bytes_max = std::size_t{4} * 1024 * 1024;
inline constexpr std::size_t scenario_domains_max = 4096;

struct Scenario {
    std::shared_ptr<const Topology> topology;
    std::optional<CpuSet> usable;       // absent: all that are online and allowed
    std::optional<CpuSet> housekeeping; // absent: automatic; empty: none
    std::vector<Intent> intents;        // in order of arrival
};

struct ScenarioContext {
    const Config& config; // named policies, and policies of domains without their own
    // Overrides the scenario's own.
    std::optional<TopologySource> topology;
    std::function<Result<Topology>(const TopologySource&)> load_topology;
};

// The UUID of a domain that has none: made of its position.
[[nodiscard]] DomainUuid made_up_uuid(std::size_t position);

// The reason why `cpus` cannot be housekeeping when `usable` are all usable CPUs. The planner
// accepts it, but it is a mistake of the user.
[[nodiscard]] std::optional<std::string> find_housekeeping_fault(const CpuSet& cpus,
                                                                 const CpuSet& usable);

// Error: invalid_config, "SOURCE:LINE: domains[1].policy.smt: what; the valid values".
[[nodiscard]] Result<Scenario> parse_scenario(std::string_view text, std::string_view source,
                                              const ScenarioContext& context);

} // namespace virtpind
