// SPDX-License-Identifier: LGPL-2.1-or-later
// The guest's own topology as the planner reads it: which online vCPUs form a guest core, and
// which a guest cell. vCPU numbers count threads first, then cores, dies, sockets; holes (vCPUs
// that are offline) leave the rest where their numbers put them.
#pragma once

#include "common/model/plan.hpp"

#include <cstddef>
#include <map>
#include <vector>

namespace virtpind {

struct GuestShape {
    // Online vCPUs by guest core, ascending. Without <topology> the guest sees no siblings at all
    // (libvirt's default is one socket per vCPU); consecutive pairs stand in for order only.
    std::vector<std::vector<VcpuId>> cores;
    bool siblings_matter = false; // the guest was told of threads
    // Online vCPUs by cell, in the order of Intent::cells; empty when there are fewer than two.
    // vCPUs in no cell are in the first, as libvirt has it.
    std::vector<VcpuSet> cells;
    std::size_t vcpus = 0; // online

    // Guest cores with at least two vCPUs online, if siblings matter.
    [[nodiscard]] std::size_t sibling_cores() const;
    // Cells with at least one vCPU online.
    [[nodiscard]] std::size_t cells_online() const;
    // The fewest vCPUs of such a core; 1 when there is none.
    [[nodiscard]] std::size_t smallest_sibling_core() const;
};

[[nodiscard]] GuestShape guest_shape(const Intent& intent);

// The same as GuestShape::cells.
[[nodiscard]] std::vector<VcpuSet> cells_of(const Intent& intent);

[[nodiscard]] inline bool siblings_matter(const Intent& intent)
{
    return intent.topology && intent.topology->threads > 1;
}

// Whether smt=auto, or smt=require for a topology that is rewritten to that of the CPUs chosen,
// means a whole core for each vCPU: the guest's own topology has that.
[[nodiscard]] bool wishes_own_cores(const Intent& intent);

// A guest cell: all its vCPUs, offline ones too, and the CPUs of those that have one.
struct CellCpus {
    VcpuSet vcpus;
    CpuSet cpus;
};

// The cells that have some CPU by `pins`; none where there are fewer than two cells.
[[nodiscard]] std::vector<CellCpus> cpus_by_cell(const Intent& intent,
                                                 const std::map<VcpuId, CpuId>& pins);

} // namespace virtpind
