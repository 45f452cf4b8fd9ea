// SPDX-License-Identifier: LGPL-2.1-or-later
// Reasons a person understands: why these CPUs, what was given up, what would have to change.
#pragma once

#include "common/model/plan.hpp"
#include "daemon/planner/fleet/fleet.hpp"
#include "daemon/planner/fleet/shared_pool.hpp"

namespace virtpind {

// Precondition: member.placed is set. `fleet` is not changed but for its tables.
void explain_dedicated(Fleet& fleet, const Member& member, DomainPlan& plan);

// Why a dedicated domain did not fit, now that the others have their places, and what it gets
// instead. Precondition: member.placed is not set.
void explain_misfit(Fleet& fleet, const Member& member, DomainPlan& plan);

void explain_left_alone(DomainPlan& plan);

// Where it floats.
void explain_share(const Fleet& fleet, const Member& member, const Share& share, DomainPlan& plan);

// What it asked for and does not get. Precondition: share.as_asked() is false.
void explain_shortfall(const Member& member, const Share& share, DomainPlan& plan);

// For one whose claim the named ones float on.
void explain_overrun(const std::vector<std::string>& names, DomainPlan& plan);

// Hands off, foreign, held, broken: only where the intent does not tell already.
void explain_untouched(const Member& member, DomainPlan& plan);

// Options of the policy that placement does not act on and nothing else does either.
void explain_without_effect(const Policy& policy, DomainPlan& plan);

} // namespace virtpind
