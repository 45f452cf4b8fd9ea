// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rearrange.hpp"

#include "fleet_costs.hpp"
#include "fleet_search.hpp"
#include "own_cores.hpp"
#include "placing_order.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace virtpind {

namespace {

// Counted work: arrangements tried to make room, for one domain and in all, and
// exchanges tried for comfort.
constexpr std::size_t attempts_each_max = 32;
constexpr std::size_t attempts_max = 64;
constexpr std::size_t exchanges_max = 16;
constexpr std::size_t rounds_max = 2;

bool is_arriving(const Member& member)
{
    return member.intent->activity == Activity::arriving;
}

bool may_be_moved(const Member& member)
{
    return member.placed && member.intent->activity != Activity::dormant &&
           (!is_running(member) || member.intent->policy.move != MoveLimit::never);
}

Cost weighty(const Cost& cost)
{
    return terms_of(cost, CostTermInfo::Weight::weighty);
}

class Rearrangement {
public:
    explicit Rearrangement(Fleet& fleet) : fleet_{fleet} {}

    FleetReport run()
    {
        for (std::size_t round = 0; round < rounds_max; ++round) {
            place_newcomers();
        }
        for (const auto index : placing_order(fleet_, false)) {
            give_own_cores(fleet_, fleet_.members()[index]);
        }
        if (improve()) {
            improve();
        }
        while (place_leftovers()) {
        }
        auto searched = search_fleet(fleet_);
        if (searched.moved) {
            improve();
            while (place_leftovers()) {
            }
            searched.report.cost = fleet_cost(fleet_);
        }
        return searched.report;
    }

private:
    using Movers = std::vector<Member*>;

    // One round over all without a place. Whoever is placed may have moved or displaced others, so
    // that the next round, if there is one, finds other CPUs free.
    void place_newcomers()
    {
        for (const auto index : placing_order(fleet_, false)) {
            auto& member = fleet_.members()[index];
            if (!member.placed && !try_with(member, {}) && is_arriving(member) &&
                !move_others_for(member)) {
                displace_lower(member);
            }
        }
    }

    // On the CPUs that improve() left free. True when these were enough for somebody.
    bool place_leftovers()
    {
        auto placed = false;
        for (const auto index : placing_order(fleet_, false)) {
            auto& member = fleet_.members()[index];
            placed = (!member.placed && try_with(member, {})) || placed;
        }
        return placed;
    }

    // Unplaces all `movers`, places `first`, then the movers again; all or nothing.
    bool try_with(Member& first, const Movers& movers)
    {
        const auto before = first;
        std::vector<Member> movers_before;
        for (auto* mover : movers) {
            movers_before.push_back(*mover);
            fleet_.unplace(*mover);
        }
        fleet_.unplace(first);
        const auto placed =
            fleet_.place(first, Fleet::Claims::all, Fleet::MoveReason::own) &&
            std::all_of(movers.begin(), movers.end(), [this](Member* mover) {
                return fleet_.place(*mover, Fleet::Claims::all, Fleet::MoveReason::others);
            });
        if (!placed) {
            fleet_.restore(first, before);
            for (std::size_t i = 0; i < movers.size(); ++i) {
                fleet_.restore(*movers[i], std::move(movers_before[i]));
            }
            return false;
        }
        for (std::size_t i = 0; i < movers.size(); ++i) {
            movers[i]->was_moved = movers_before[i].was_moved ||
                                   movers[i]->placed->pins != movers_before[i].placed->pins;
        }
        return true;
    }

    // Those whose place could make a difference, newcomers first, then the smallest.
    Movers movable(const Member& for_whom)
    {
        std::vector<std::tuple<bool, std::size_t, Member*>> keyed; // members stand in one vector
        for (auto& member : fleet_.members()) {
            if (&member != &for_whom && may_be_moved(member)) {
                keyed.emplace_back(is_running(member), member.claim.size(), &member);
            }
        }
        std::sort(keyed.begin(), keyed.end());
        Movers movers;
        movers.reserve(keyed.size());
        for (const auto& [running, claimed, member] : keyed) {
            movers.push_back(member);
        }
        return movers;
    }

    // Moving others changes which CPUs are free, hardly how many.
    [[nodiscard]] bool could_be_placed(const Member& member)
    {
        const auto free = fleet_.around(member, Fleet::Claims::active).free;
        return free.size() >= member.intent->vcpus_online.size() && attempts_ < attempts_max &&
               fleet_.place_alone(member).has_value();
    }

    bool move_others_for(Member& member)
    {
        if (!could_be_placed(member)) {
            return false;
        }
        const auto movers = movable(member);
        const auto last = std::min(attempts_max, attempts_ + attempts_each_max);
        for (auto* mover : movers) {
            if (++attempts_ > last) {
                return false;
            }
            if (try_with(member, {mover})) {
                return true;
            }
        }
        for (std::size_t i = 0; i < movers.size(); ++i) {
            for (std::size_t j = i + 1; j < movers.size(); ++j) {
                if (++attempts_ > last) {
                    return false;
                }
                if (try_with(member, {movers[i], movers[j]})) {
                    return true;
                }
            }
        }
        return false;
    }

    // Those whose CPUs `member` may take, lowest priority first and newcomers before running ones.
    Movers of_lower_priority(const Member& member)
    {
        auto lower = movable(member);
        std::erase_if(lower, [&member](const Member* mover) {
            // A running one that wants all or nothing would stay on its CPUs all the same.
            const auto stays =
                is_running(*mover) && mover->intent->policy.fallback == Fallback::fail;
            return stays || mover->intent->policy.priority >= member.intent->policy.priority;
        });
        std::stable_sort(lower.begin(), lower.end(), [](const Member* a, const Member* b) {
            return a->intent->policy.priority < b->intent->policy.priority;
        });
        return lower;
    }

    // Takes the CPUs of domains of lower priority, those with locked memory only if there is still
    // something for them on their nodes.
    void displace_lower(Member& member)
    {
        auto lower = of_lower_priority(member);
        if (!displace(member, lower) && std::erase_if(lower, [](const Member* mover) {
                                            return mover->intent->memory_locked;
                                        }) > 0) {
            displace(member, lower);
        }
    }

    // Unplaces one after the other until `member` fits, then gives those another place if there is
    // one. All or nothing.
    bool displace(Member& member, const Movers& lower)
    {
        const auto member_before = member;
        std::vector<Member> before;
        auto fits = false;
        for (auto* mover : lower) {
            before.push_back(*mover);
            fleet_.unplace(*mover);
            fits = fleet_.place(member, Fleet::Claims::all, Fleet::MoveReason::own);
            if (fits) {
                break;
            }
        }
        for (auto i = before.size(); fits && i-- > 0;) { // the highest priority first
            const auto placed =
                fleet_.place(*lower[i], Fleet::Claims::all, Fleet::MoveReason::others);
            lower[i]->was_moved = placed || lower[i]->was_moved;
        }
        fits = fits && std::none_of(lower.begin(), lower.end(),
                                    [this](const Member* mover) { return is_stranded(*mover); });
        if (!fits) {
            fleet_.restore(member, member_before);
            for (std::size_t i = 0; i < before.size(); ++i) {
                fleet_.restore(*lower[i], std::move(before[i]));
            }
        }
        return fits;
    }

    // Its locked memory holds it on nodes where there is nothing for it to float on.
    [[nodiscard]] bool is_stranded(const Member& member) const
    {
        const auto home = home_nodes(fleet_.host(), *member.intent);
        return !member.placed && member.intent->memory_locked && !home.empty() &&
               !fleet_.pool().intersects(fleet_.host().topology->cpus_of(home));
    }

    // Every cost given all others. True when something was placed elsewhere.
    bool improve()
    {
        auto improved = false;
        for (const auto index : placing_order(fleet_, false)) {
            auto& member = fleet_.members()[index];
            if (!member.placed) {
                continue;
            }
            member.placed->cost = cost_beside_others(fleet_, member);
            if (is_arriving(member)) {
                improved = place_once_more(member) || improved;
                improved = exchange(member) || improved;
            }
        }
        return improved;
    }

    // What all pay: first as a fleet, then in all terms.
    struct Sum {
        FleetCost fleet;
        Cost cost;

        friend bool operator<(const Sum& a, const Sum& b)
        {
            return a.fleet != b.fleet ? a.fleet < b.fleet : a.cost < b.cost;
        }
    };

    [[nodiscard]] Sum sum_of_costs() const
    {
        Sum sum;
        for (const auto& member : fleet_.members()) {
            if (member.placed && is_active(member)) {
                const auto cost = cost_beside_others(fleet_, member);
                sum.fleet.at(member.intent->policy.priority).cost += fleet_terms_of(cost);
                sum.cost += cost;
            }
        }
        return sum;
    }

    bool place_once_more(Member& member)
    {
        if (member.others == fleet_.around(member, Fleet::Claims::active).claimed) {
            return false; // nothing has changed since
        }
        const auto before = member;
        fleet_.unplace(member);
        fleet_.place(member, Fleet::Claims::all, Fleet::MoveReason::own);
        if (member.placed && member.placed->cost < before.placed->cost) {
            const auto sum = sum_of_costs();
            auto moved = member;
            fleet_.restore(member, before);
            if (sum < sum_of_costs()) {
                fleet_.restore(member, std::move(moved));
                return true;
            }
            member.placed->proven = false;
            return false;
        }
        const auto proven = member.placed && member.placed->proven;
        fleet_.restore(member, before);
        member.placed->proven = proven;
        return false;
    }

    // Changes places with another newcomer where that is better for both together.
    bool exchange(Member& member)
    {
        if (exchanges_ >= exchanges_max || is_perfect(member.placed->cost)) {
            return false;
        }
        auto partners = movable(member);
        std::erase_if(partners, [](const Member* other) { return !is_arriving(*other); });
        if (partners.empty()) {
            return false;
        }
        const auto alone = fleet_.place_alone(member);
        if (!alone || weighty(alone->cost) >= weighty(member.placed->cost)) {
            return false;
        }
        for (auto* other : partners) {
            if (!other->claim.intersects(alone->claim)) {
                continue;
            }
            if (++exchanges_ > exchanges_max) {
                return false;
            }
            const auto sum = sum_of_costs();
            auto mine = member;
            auto theirs = *other;
            if (!try_with(member, {other})) {
                continue;
            }
            if (sum_of_costs() < sum) {
                return true;
            }
            fleet_.unplace(member);
            fleet_.restore(*other, std::move(theirs));
            fleet_.restore(member, std::move(mine));
        }
        return false;
    }

    Fleet& fleet_;
    std::size_t attempts_ = 0;
    std::size_t exchanges_ = 0;
};

} // namespace

FleetReport rearrange(Fleet& fleet)
{
    return Rearrangement{fleet}.run();
}

} // namespace virtpind
