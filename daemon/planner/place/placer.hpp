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
};

struct Placed {
    VcpuMap pins;
    CpuSet claim; // the vCPUs' CPUs, and whole cores for smt=require|isolate
    Cost cost;
    bool proven = false;
};

// Nothing where it does not fit; infeasibility.hpp tells why.
[[nodiscard]] std::optional<Placed> place_dedicated(const HostIndex& host, const PlaceTask& task,
                                                    PackTables& tables);

// Whether the domain is promised siblings (smt=require) that this host does not have, or does not
// tell. Nobody is promised any by a topology that is rewritten to that of the CPUs chosen.
[[nodiscard]] bool lacks_siblings(const HostIndex& host, const Intent& intent);
// What `pins` claim by the domain's policy.
[[nodiscard]] CpuSet claim_of(const HostIndex& host, const Policy& policy, const VcpuMap& pins);

} // namespace virtpind
