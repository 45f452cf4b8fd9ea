// SPDX-License-Identifier: LGPL-2.1-or-later
// Guest tuning: what the persistent definition should say about the guest's CPUs, so that the
// guest sees what it really runs on. Pure.
//
// Which shape, for k cores of t threads used on each of G L3s, and blocks of S APIC ids per L3
// (guest_caches.hpp):
//   one L3                        one die, no gaps
//   several, padded(k)*padded(t) = S   one die per L3
//   several, less than S, or unlike k  passthrough: one die with gaps, so that each L3 begins at a
//                                 multiple of S; otherwise one die per L3, the largest k for all
//   several packages or nodes     one socket per package; guest cells follow the nodes
// Passthrough is written only when the groups the guest will believe in are the real ones. A shape
// that is true already stays. Neither is what an argument of QEMU's overrides written, nor the
// contrary of what the definition says in so many words, nor is a CPU model that it names replaced.
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
    // The definition keeps room for so many vCPUs to be plugged: what its owner gave it.
    std::uint32_t vcpu_headroom = 0;
    const BeforeImage* before = nullptr; // where there is one
};

struct TuningDecision {
    GuestTuning tuning;
    Reasons reasons;
    // By the tuning or by what is there already.
    bool shows_host_caches = false;
};

// Nothing for a domain that the plan leaves untouched. Deciding again from a definition that has
// been tuned, with the same CPUs, gives the same tuning.
[[nodiscard]] TuningDecision make_guest_tuning(const TuningInput& input);

} // namespace virtpind
