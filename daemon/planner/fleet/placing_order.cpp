// SPDX-License-Identifier: LGPL-2.1-or-later
#include "placing_order.hpp"

#include <algorithm>
#include <cstdint>
#include <tuple>

namespace virtpind {

namespace {

// Whether all the cores of the kind that it wishes would be enough for it. `free`: of all domains.
bool may_have_its_wish(const std::vector<Kind>& kinds, const CpuSet& free, const Intent& intent)
{
    return std::any_of(kinds.begin(), kinds.end(), [&](const Kind& kind) {
        return intent.policy.cores == CoreChoice::any ||
               (is_wished(kind.core_class, intent.policy.cores) &&
                free.common(kind.cpus) >= intent.vcpus_online.size());
    });
}

struct Turn {
    std::tuple<std::int64_t, bool, bool, std::int64_t> key;
    std::size_t index = 0;
};

} // namespace

std::vector<std::size_t> placing_order(const Fleet& fleet, bool dormant)
{
    const auto& members = fleet.members();
    const auto& kinds = fleet.host().topology->kinds;
    const auto free = fleet.free_of_all();
    std::vector<Turn> turns;
    for (std::size_t i = 0; i < members.size(); ++i) {
        if (members[i].role != Member::Role::dedicated || is_active(members[i]) == dormant) {
            continue;
        }
        const auto& intent = *members[i].intent;
        // What must take another kind takes what is left of it by those who wish for that. Of those
        // that are shut off, what they have decides no turn: else a plan would not follow from its
        // own result.
        turns.push_back(
            {.key = {-std::int64_t{intent.policy.priority}, !may_have_its_wish(kinds, free, intent),
                     !dormant && !runs_in_place(members[i]),
                     -static_cast<std::int64_t>(intent.vcpus_online.size())},
             .index = i});
    }
    std::sort(turns.begin(), turns.end(), [](const Turn& a, const Turn& b) {
        return std::tie(a.key, a.index) < std::tie(b.key, b.index);
    });
    std::vector<std::size_t> order;
    order.reserve(turns.size());
    for (const auto& turn : turns) {
        order.push_back(turn.index);
    }
    return order;
}

} // namespace virtpind
