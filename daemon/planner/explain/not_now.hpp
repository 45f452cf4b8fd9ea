// SPDX-License-Identifier: LGPL-2.1-or-later
// The things that a domain waits for before it can start, although its policy is met.
#pragma once

#include "common/model/plan.hpp"
#include "daemon/planner/fleet/fleet.hpp"

namespace virtpind {

// Adds reasons, sets `awaits`, and `satisfied` to false where it can never start here: hugepages of
// a size that this host has not. `later`: why it is not planned beside those that run.
// Precondition: `plan` has its vCPU pins.
void explain_not_now(Fleet& fleet, const Member& member, Fleet::Later later, DomainPlan& plan);

} // namespace virtpind
