// SPDX-License-Identifier: LGPL-2.1-or-later
// Where the emulator and the I/O threads of a domain go, and its memory.
#pragma once

#include "common/plan.hpp"
#include "fleet.hpp"

namespace virtpind {

struct ThreadsTask {
    const HostIndex& host;
    const Member& member;
    CpuSet usable;
    CpuSet housekeeping;
    CpuSet pool; // without the claim of the domain itself: one that is shut off has its in the pool
    bool several_memory_nodes = false;
};

// Fills emulator, start_emulator, iothreads and numatune of `plan` from its vCPU pins, with
// reasons. Precondition: plan.placement is not none and its vCPUs are pinned.
void plan_threads(const ThreadsTask& task, DomainPlan& plan);

} // namespace virtpind
