// SPDX-License-Identifier: LGPL-2.1-or-later
// One domain of a scenario, read from JSON.
#pragma once

#include "common/base/json_reader.hpp"
#include "common/base/result.hpp"
#include "common/model/domain.hpp"
#include "common/model/plan.hpp"
#include "common/model/policy.hpp"
#include "common/model/topology.hpp"

#include <string>
#include <vector>

namespace virtpind {

// A passed-through device. `nodes` is set for a device that is described by its nodes alone.
struct ScenarioDevice {
    std::string label;
    NodeSet nodes;
};

// The domain as libvirt would show it, and facts that libvirt does not have.
struct ScenarioDomain {
    ObservedDomain seen;
    std::vector<ScenarioDevice> devices;
    Activity activity = Activity::arriving;
};

// Error: invalid_config, for CPUs that the host does not have.
[[nodiscard]] Result<CpuSet> read_host_cpus(const JsonNode& node, const Topology& topology);

// Error: invalid_config, with the line and field.
[[nodiscard]] Result<ScenarioDomain>
read_scenario_domain(const JsonNode& node, const Topology& topology, const PolicyCatalog& catalog);

} // namespace virtpind
