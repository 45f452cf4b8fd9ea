// SPDX-License-Identifier: LGPL-2.1-or-later
// Housekeeping that gives way to a domain, or could: what it keeps, and what for.
#pragma once

#include "common/model/plan.hpp"
#include "daemon/planner/fleet/retreat.hpp"

#include <optional>

namespace virtpind {

// For a domain on CPUs that automatic housekeeping `wished` to have. Precondition: member.placed is
// set.
void explain_yielding(Fleet& fleet, const Member& member, const CpuSet& wished, DomainPlan& plan);

// The first thing that `now` has lost and `then` has not, as a phrase; absent when there is none.
[[nodiscard]] std::optional<ReasonPhrase> what_is_lost(const Loss& now, const Loss& then);

// Advice where other housekeeping would let the domain lose less. Precondition: member.placed is
// set.
[[nodiscard]] std::optional<Reason> what_housekeeping_costs(Fleet& fleet, const Member& member);

} // namespace virtpind
