// SPDX-License-Identifier: LGPL-2.1-or-later
// What the domains of a fleet cost as they are placed now.
#pragma once

#include "common/model/fleet_cost.hpp"
#include "fleet.hpp"

namespace virtpind {

[[nodiscard]] inline bool is_newcomer(const Member& member)
{
    return member.role == Member::Role::dedicated && member.intent->activity == Activity::arriving;
}

// One that counts in the cost of a fleet: it has a place, or arrives. One that runs without a place
// waits for free CPUs, whatever the newcomers do.
[[nodiscard]] inline bool counts_in_fleet(const Member& member)
{
    return is_newcomer(member) || (is_active(member) && member.placed);
}

// Of a member, given all others. Precondition: it is placed.
[[nodiscard]] Cost cost_beside_others(const Fleet& fleet, const Member& member);

[[nodiscard]] FleetCost fleet_cost(const Fleet& fleet);

} // namespace virtpind
