// SPDX-License-Identifier: LGPL-2.1-or-later
// Reasons: why these CPUs, what was given up, what would have to change.
#pragma once

#include "common/model/plan.hpp"
#include "daemon/planner/fleet/fleet.hpp"
#include "daemon/planner/fleet/shared_pool.hpp"

namespace virtpind {

// Precondition: member.placed is set. `fleet` is not changed but for its tables.
void explain_dedicated(Fleet& fleet, const Member& member, DomainPlan& plan);

// Why a dedicated domain does not fit beside the others in their places, and what it gets instead.
// Precondition: member.placed is not set.
void explain_infeasible(Fleet& fleet, const Member& member, DomainPlan& plan);

void explain_left_alone(DomainPlan& plan);

// The CPUs that a shared domain runs on.
void explain_share(const Fleet& fleet, const Member& member, const Share& share, DomainPlan& plan);

// Where those vCPUs of a dedicated domain are that float.
void explain_floating(const Member& member, const Share& share, DomainPlan& plan);

// The options of a shared domain that are not met. Precondition: share.as_asked() is false.
void explain_shortfall(const HostIndex& host, const Member& member, const Share& share,
                       DomainPlan& plan);

// For a domain with whose claim the named domains overlap, as they have no other CPUs.
void explain_overrun(NameList names, DomainPlan& plan);

// Hands off, foreign, held, broken: adds a code only where the intent does not have it already.
void explain_untouched(const Member& member, DomainPlan& plan);

} // namespace virtpind
