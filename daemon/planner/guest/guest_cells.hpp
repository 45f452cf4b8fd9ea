// SPDX-License-Identifier: LGPL-2.1-or-later
// Guest NUMA cells under a new numbering of the vCPUs. Pure.
#pragma once

#include "common/model/guest_tuning.hpp"
#include "common/model/plan.hpp"
#include "guest_layout.hpp"

#include <optional>
#include <vector>

namespace virtpind {

// The cells that the guest is to have, before its vCPUs are numbered.
struct CellPlan {
    std::vector<GuestCell> cells;     // without vCPUs; empty: none
    CellOfCpu cell_of;                // by position in `cells`
    NodeSet too_small;                // nodes for whose lack of memory there are no new cells
    std::optional<NumaTune> numatune; // where the cells are new
};

// The cells of the definition, each with the CPUs that its vCPUs have in the plan. Where there are
// none and the domain with its memory is on several nodes: one cell per node, memory split by
// vCPUs, if each node has that much at all. Nothing when the definition's cells are not those of
// the running domain: which CPUs belong to which cell is unknown then.
[[nodiscard]] std::optional<CellPlan> plan_cells(const Topology& topology, const Intent& intent,
                                                 const DomainPlan& plan, const CpuDefinition& now,
                                                 const std::map<VcpuId, CpuId>& pins);

// The cells with their vCPUs, 0..vcpus-1 all in one: an offline one is with those before it.
[[nodiscard]] std::vector<GuestCell> numbered_cells(const CellPlan& plan, const GuestLayout& layout,
                                                    std::uint32_t vcpus);

} // namespace virtpind
