// SPDX-License-Identifier: LGPL-2.1-or-later
// Emulator and I/O threads that a policy fixes to CPUs of another domain: that is done as asked,
// and both domains get a reason.
#pragma once

#include "common/model/plan.hpp"
#include "daemon/planner/fleet/fleet.hpp"

#include <vector>

namespace virtpind {

// `plans` are those of the fleet's members, in their order.
void explain_fixed_threads(const Fleet& fleet, std::vector<DomainPlan>& plans);

} // namespace virtpind
