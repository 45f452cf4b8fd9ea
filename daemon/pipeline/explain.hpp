// SPDX-License-Identifier: LGPL-2.1-or-later
// Reasons a person understands: why these CPUs, what was given up, what would have to change.
#pragma once

#include "common/plan.hpp"
#include "fleet.hpp"
#include "shared_pool.hpp"

namespace virtpind {

// Precondition: member.placed is set. `fleet` is not changed but for its tables.
void explain_dedicated(Fleet& fleet, const Member& member, DomainPlan& plan);

// Why it did not fit and what it gets instead. Precondition: member.misfit is set.
void explain_misfit(Fleet& fleet, const Member& member, DomainPlan& plan);

void explain_shared(const HostIndex& host, const Member& member, const SharedPool::Share& share,
                    DomainPlan& plan);

// Hands off, foreign, held, broken: only where the intent does not tell already.
void explain_untouched(const Member& member, DomainPlan& plan);

// Options of the policy that placement does not act on and nothing else does either.
void explain_without_effect(const Policy& policy, DomainPlan& plan);

} // namespace virtpind
