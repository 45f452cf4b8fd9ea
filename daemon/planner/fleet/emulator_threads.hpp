// SPDX-License-Identifier: LGPL-2.1-or-later
// Where the emulator and the I/O threads of a domain go.
#pragma once

#include "common/model/plan.hpp"
#include "fleet.hpp"

namespace virtpind {

struct ThreadsTask {
    const HostIndex& host;
    const Member& member;
    CpuSet usable;
    CpuSet housekeeping;
    CpuSet pool; // without the claim of the domain itself: one that is shut off has its in the pool
};

// Fills emulator, start_emulator and iothreads of `plan` from its vCPU pins, with reasons.
// Precondition: plan.placement is not none and its vCPUs are pinned.
void plan_threads(const ThreadsTask& task, DomainPlan& plan);

} // namespace virtpind
