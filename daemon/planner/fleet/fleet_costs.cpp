// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fleet_costs.hpp"

namespace virtpind {

Cost cost_beside_others(const Fleet& fleet, const Member& member)
{
    return cost_of(fleet.host(), *member.intent, fleet.around(member, Fleet::Claims::active),
                   member.placed->pins);
}

FleetCost fleet_cost(const Fleet& fleet)
{
    FleetCost sum;
    for (const auto& member : fleet.members()) {
        if (!counts_in_fleet(member)) {
            continue;
        }
        auto& level = sum.at(member.intent->policy.priority);
        if (member.placed) {
            level.cost += fleet_terms_of(cost_beside_others(fleet, member));
        } else {
            ++level.unplaced;
        }
    }
    return sum;
}

} // namespace virtpind
