// SPDX-License-Identifier: LGPL-2.1-or-later
// Plans as JSON: the output of `virtpind plan --format json`, and the parts of it in the daemon's
// reports. Later versions only add keys. Names are made printable, so the text is always valid
// UTF-8. Pure.
#pragma once

#include "common/model/plan.hpp"

#include <nlohmann/json.hpp>

namespace virtpind {

// Keys keep their order of insertion.
using Json = nlohmann::ordered_json;

// {"cpus", "usable", "housekeeping", "pool"}, and "warnings" where the topology has any.
[[nodiscard]] Json host_to_json(const Plan& plan, const Topology& topology);

// {"name", "uuid", "requested", "placement", "satisfied", "vcpupin", "emulatorpin", ...}.
[[nodiscard]] Json domain_plan_to_json(const DomainPlan& plan);

// {"kind": 0, "nodes": 1, ...}, in the order of comparison.
[[nodiscard]] Json cost_to_json(const Cost& cost);

// {"newcomers", "optimal", "priorities": [{"priority", "unplaced", "cost"}]}; where it is not
// proven to be optimal, each priority has its "bound", and "gap" tells where the two first differ.
[[nodiscard]] Json fleet_to_json(const FleetReport& fleet);

// [{"code", "text"}].
[[nodiscard]] Json reasons_to_json(const Reasons& reasons, bool satisfied);

// {"host": ..., "fleet": ..., "domains": [...]}.
[[nodiscard]] Json plan_to_json(const Plan& plan, const Topology& topology);

} // namespace virtpind
