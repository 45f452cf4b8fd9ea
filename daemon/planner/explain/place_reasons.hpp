// SPDX-License-Identifier: LGPL-2.1-or-later
// Why a dedicated domain is on its CPUs: what is good about them, and what it had to give up.
#pragma once

#include "common/model/plan.hpp"
#include "daemon/planner/fleet/fleet.hpp"

namespace virtpind {

// Precondition: member.placed is set, and `plan` has its cost.
void explain_place(const Fleet& fleet, const Member& member, DomainPlan& plan);

} // namespace virtpind
