// SPDX-License-Identifier: LGPL-2.1-or-later
// The input of guest tuning, and its result.
#pragma once

#include "common/model/guest_tuning.hpp"
#include "common/model/original_state.hpp"
#include "common/model/plan.hpp"

#include <cstdint>

namespace virtpind {

struct TuningInput {
    const Topology& topology;
    const Intent& intent;     // the domain as it was planned
    const DomainPlan& plan;   // where it goes; keyed by the vCPUs it has now
    const CpuDefinition& now; // its persistent definition
    TuningAbilities abilities;
    // The number of vCPUs that the definition had room for as its owner wrote it.
    std::uint32_t vcpu_headroom = 0;
    const BeforeImage* before = nullptr; // where there is one
};

struct TuningDecision {
    GuestTuning tuning;
    Reasons reasons;
    // By the tuning or by what is there already.
    bool shows_host_caches = false;
};

} // namespace virtpind
