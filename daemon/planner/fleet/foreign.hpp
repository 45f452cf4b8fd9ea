// SPDX-License-Identifier: LGPL-2.1-or-later
// What the pins of a domain that is not planned say of the host's CPUs: which it has for itself,
// and on which it merely may float.
#pragma once

#include "common/model/plan.hpp"
#include "daemon/planner/place/host_index.hpp"

namespace virtpind {

struct Footprint {
    CpuSet claimed;           // as many as the vCPUs that are pinned to them, or fewer
    CpuSet floats;            // more than the vCPUs that may use them, and not claimed
    std::size_t floating = 0; // vCPUs that float there
};

// Masks that have CPUs in common are looked at together: if they have no more CPUs than vCPUs,
// those are theirs; else the vCPUs float there, which is load and no claim. A vCPU that may use one
// core only has that core. Masks of all CPUs say nothing, nor do CPUs that are not online. Emulator
// and I/O threads are not looked at.
[[nodiscard]] Footprint footprint_of(const HostIndex& host, const Intent& intent);

} // namespace virtpind
