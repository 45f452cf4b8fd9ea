// SPDX-License-Identifier: LGPL-2.1-or-later
// The planner: where every vCPU, emulator and I/O thread of every domain goes.
// Pure and deterministic: equal input, equal plan. Bounded by counted work, never by the clock.
#pragma once

#include "common/plan.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace virtpind {

struct PlanRequest {
    const Topology* topology = nullptr; // not null; outlives the call
    std::optional<CpuSet> usable;       // absent: topology->usable_cpus(); else intersected with it
    std::optional<CpuSet> housekeeping; // absent: auto_housekeeping(); empty: none
    std::vector<Intent> intents;        // order is order of arrival
};

// Precondition: the intents are valid (see validate_request).
[[nodiscard]] Plan make_plan(const PlanRequest& request);

// Input errors a caller can make, naming the field: duplicate UUIDs, guest topology whose product
// is not the vCPU count, cells that name vCPUs beyond it or overlap, CPUs or nodes that do not
// exist.
[[nodiscard]] Result<void> validate_request(const PlanRequest& request);

// Design section 5: the core of CPU 0; on hybrid hosts also one efficiency core; on every further
// node that has I/O devices and at least four cores, one core. Never all usable CPUs.
[[nodiscard]] CpuSet auto_housekeeping(const Topology& topology, const CpuSet& usable);

} // namespace virtpind
