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
// that is true already stays. What an argument of QEMU's overrides or the definition explicitly
// contradicts is left out, and a CPU model that it names is kept.
#pragma once

#include "tuning_decision.hpp"

namespace virtpind {

// Nothing for a domain that the plan leaves untouched. Deciding again from a definition that has
// been tuned, with the same CPUs, gives the same tuning.
[[nodiscard]] TuningDecision make_guest_tuning(const TuningInput& input);

} // namespace virtpind
