// SPDX-License-Identifier: LGPL-2.1-or-later
// What a plan costs all its dedicated domains together, and how near that is to the best possible.
//
// The cost of a fleet is compared in this order:
// 1. how many newcomers have no place, those of the highest priority first;
// 2. the sums of the costs of the domains of the highest priority, up to the last weighty term;
//    then of the next.
// Terms up to that one are what is worth moving newcomers for. What others claim never makes these
// less, so that what each domain could have alone adds up to a lower bound. Those after them do not
// add up: where two domains break a node together, neither does, given the other.
#pragma once

#include "cost_terms.hpp"

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace virtpind {

// The terms of the table that count for a fleet: the first so many.
inline constexpr std::size_t fleet_term_count = [] {
    std::size_t count = 0;
    for (std::size_t i = 0; i < cost_term_count; ++i) {
        count = cost_term_table[i].weight == CostTermInfo::Weight::weighty ? i + 1 : count;
    }
    return count;
}();

[[nodiscard]] constexpr Cost fleet_terms_of(const Cost& cost)
{
    Cost part;
    for (std::size_t i = 0; i < fleet_term_count; ++i) {
        part[cost_term_table[i].term] = cost[cost_term_table[i].term];
    }
    return part;
}

// Smaller is better. Only costs of the same domains compare.
class FleetCost {
public:
    struct Level {
        std::int32_t priority = 0;
        std::uint64_t unplaced = 0; // newcomers
        Cost cost;                  // of those that have a place
        friend bool operator==(const Level&, const Level&) = default;
    };

    // The level of that priority, which comes to be where it is asked for.
    [[nodiscard]] Level& at(std::int32_t priority)
    {
        const auto place =
            std::lower_bound(levels_.begin(), levels_.end(), priority,
                             [](const Level& a, std::int32_t b) { return a.priority > b; });
        return place != levels_.end() && place->priority == priority
                   ? *place
                   : *levels_.insert(place, Level{.priority = priority, .unplaced = 0, .cost = {}});
    }

    [[nodiscard]] const std::vector<Level>& levels() const { return levels_; }

    friend bool operator==(const FleetCost&, const FleetCost&) = default;

    friend std::strong_ordering operator<=>(const FleetCost& a, const FleetCost& b)
    {
        const auto by = [&](auto member) {
            return std::lexicographical_compare_three_way(
                a.levels_.begin(), a.levels_.end(), b.levels_.begin(), b.levels_.end(),
                [member](const Level& x, const Level& y) {
                    return std::invoke(member, x) <=> std::invoke(member, y);
                });
        };
        const auto places = by(&Level::unplaced);
        return places != 0 ? places : by(&Level::cost);
    }

private:
    std::vector<Level> levels_; // the highest priority first
};

// How good a plan is for all domains together, given where those that run are.
struct FleetReport {
    std::size_t newcomers = 0; // dedicated ones, which the plan places where it likes
    FleetCost cost;
    FleetCost bound; // no plan costs less

    [[nodiscard]] bool optimal() const { return cost == bound; }
};

// Where the cost of a fleet and its bound first differ.
struct FleetGap {
    std::int32_t priority = 0;
    std::optional<CostTerm> term; // absent: newcomers without a place
    std::uint64_t cost = 0;
    std::uint64_t bound = 0;
};

// Nothing where the fleet is placed optimally.
[[nodiscard]] inline std::optional<FleetGap> gap_of(const FleetReport& report)
{
    const auto& cost = report.cost.levels();
    const auto& bound = report.bound.levels();
    const auto levels = std::min(cost.size(), bound.size());
    for (std::size_t i = 0; i < levels; ++i) {
        if (cost[i].unplaced != bound[i].unplaced) {
            return FleetGap{.priority = cost[i].priority,
                            .term = std::nullopt,
                            .cost = cost[i].unplaced,
                            .bound = bound[i].unplaced};
        }
    }
    for (std::size_t i = 0; i < levels; ++i) {
        for (const auto& row : cost_term_table) {
            if (cost[i].cost[row.term] != bound[i].cost[row.term]) {
                return FleetGap{.priority = cost[i].priority,
                                .term = row.term,
                                .cost = cost[i].cost[row.term],
                                .bound = bound[i].cost[row.term]};
            }
        }
    }
    return std::nullopt;
}

} // namespace virtpind
