// SPDX-License-Identifier: LGPL-2.1-or-later
// One dedicated domain, given everything else: the cheapest placement, with proof where the
// bounded search gives one.
#pragma once

#include "core_packing.hpp"
#include "cost.hpp"

#include <optional>

namespace virtpind {

struct PlaceTask {
    const Intent& intent; // at least one vCPU online
    const Surroundings& around;
    // Memory that the domain could have on each node, by NodeIndex; absent: unknown.
    const std::vector<std::optional<std::uint64_t>>& available_kib;
    std::optional<NodeSet> nodes; // only these, where set
    VcpuMap kept;                 // these vCPUs stay where they are
    // Whether a domain may have a whole core for each vCPU where its topology wishes that.
    bool own_cores = true;
    const PackLimits* limits = nullptr; // of zones and cores, where set
};

struct Placed {
    VcpuMap pins;
    CpuSet claim; // the vCPUs' CPUs, and whole cores for smt=require|isolate
    Cost cost;
    bool proven = false;
    Cost bound = least_cost(); // no placement costs less, in the terms of a fleet (fleet_cost.hpp)
};

// Nothing where it does not fit; infeasibility.hpp tells why.
[[nodiscard]] std::optional<Placed> place_dedicated(const HostIndex& host, const PlaceTask& task,
                                                    PackTables& tables);

// What `pins` claim by the domain's policy.
[[nodiscard]] CpuSet claim_of(const HostIndex& host, const Policy& policy, const VcpuMap& pins);

} // namespace virtpind
