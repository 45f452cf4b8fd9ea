// SPDX-License-Identifier: LGPL-2.1-or-later
#include "placing_order.hpp"

#include <algorithm>
#include <cstdint>
#include <tuple>

namespace virtpind {

namespace {

// Whether all the cores of the kind that it wishes would be enough for it.
bool may_have_its_wish(const Fleet& fleet, const Intent& intent)
{
    const auto& kinds = fleet.host().topology->kinds;
    return std::any_of(kinds.begin(), kinds.end(), [&](const Kind& kind) {
        return intent.policy.cores == CoreChoice::any ||
               (is_wished(kind.core_class, intent.policy.cores) &&
                (fleet.free_of_all() & kind.cpus).size() >= intent.vcpus_online.size());
    });
}

} // namespace

std::vector<std::size_t> placing_order(const Fleet& fleet, bool dormant)
{
    const auto& members = fleet.members();
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < members.size(); ++i) {
        if (members[i].role == Member::Role::dedicated && is_active(members[i]) != dormant) {
            order.push_back(i);
        }
    }
    const auto key = [&](std::size_t i) {
        const auto& intent = *members[i].intent;
        // What must take another kind takes what is left of it by those who wish for that. Of those
        // that are shut off, what they have decides no turn: else a plan would not follow from its
        // own result.
        return std::tuple{-std::int64_t{intent.policy.priority}, !may_have_its_wish(fleet, intent),
                          !dormant && !runs_in_place(members[i]),
                          -static_cast<std::int64_t>(intent.vcpus_online.size())};
    };
    std::stable_sort(order.begin(), order.end(),
                     [&key](std::size_t a, std::size_t b) { return key(a) < key(b); });
    return order;
}

} // namespace virtpind
