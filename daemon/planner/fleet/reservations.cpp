// SPDX-License-Identifier: LGPL-2.1-or-later
#include "reservations.hpp"

#include "extra_cores.hpp"
#include "placing_order.hpp"

#include <vector>

namespace virtpind {

namespace {

using Claims = Fleet::Claims;

void reserve_for(const HostIndex& host, Member& member, const CpuSet& free)
{
    const auto& policy = member.intent->policy;
    if (policy.fallback == Fallback::shared) {
        member.claim = {}; // where it may not stay it will not stay
    }
    member.claim |= claim_of(host, policy, member.kept_pins.kept);
    keep_extra_cores(host, free, member);
}

} // namespace

void reserve_present_cpus(Fleet& fleet)
{
    const auto& host = fleet.host();
    std::vector<Member*> order;
    for (const auto index : placing_order(fleet, false)) {
        auto& member = fleet.members()[index];
        if (is_running(member)) {
            order.push_back(&member);
            member.claim =
                current_exclusive_cpus(host, member, fleet.around(member, Claims::active).free);
        }
    }
    const auto look = [&fleet, &host](Member* member) {
        fleet.turn_of(*member->intent);
        auto surroundings = fleet.around(*member, Claims::active);
        member->kept_pins = find_kept_pins(host, *member->intent, surroundings);
        return surroundings;
    };
    std::erase_if(order, [&](Member* member) {
        const auto surroundings = look(member);
        const auto in_place = runs_in_place(*member);
        if (in_place) {
            reserve_for(host, *member, surroundings.free);
        }
        return in_place;
    });
    for (auto* member : order) {
        reserve_for(host, *member, look(member).free);
    }
}

} // namespace virtpind
