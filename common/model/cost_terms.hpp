// SPDX-License-Identifier: LGPL-2.1-or-later
// The terms of the cost of one dedicated domain: one row each, in the order in which they are
// compared. Everything that treats the terms alike reads this table: the sums and the bound of the
// search, JSON, and the advice of what would be better. What a term amounts to is computed in
// daemon/planner/place: charges.cpp for terms that add up, cost.cpp for the others.
#pragma once

#include "reason_arguments.hpp"

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <utility>

namespace virtpind {

enum class CostTerm : std::uint8_t {
    kind,
    low_power,
    doubled,
    imbalance,
    nodes,
    device_cells,
    distance,
    device,
    device_distance,
    packages,
    unquiet,
    stacked,
    siblings,
    l3,
    partial_cores,
    shared_cores,
    l2,
    neighbours,
    big_caches,
    best_fit,
    moves,
    io_nodes,
    loaded,
    fragmented_nodes,
    fragmented_l3s,
    fragmented_cores,
    fragmented_l2s,
    small_cache,
    rank,
};

struct CostTermInfo {
    // How much a difference in the term means to people.
    enum class Weight {
        slight,  // nobody is told
        wished,  // worth telling how it could be better
        weighty, // worth moving newcomers for, too: see fleet_cost.hpp
    };
    // How the packing of cores sums the term up (score.hpp). `apart`: it does not add up, or is the
    // same for all that is packed together. `packed`, `half`, `wide`: 16, 32 or 64 bits suffice.
    enum class Sum { apart, packed, half, wide };
    enum class Shown { always, nonzero }; // in JSON; `nonzero` ones come last

    CostTerm term{};
    std::string_view name;    // its key in JSON; neighbours of one name are a list
    std::string_view meaning; // a sentence
    Weight weight = Weight::slight;
    Sum sum = Sum::packed;
    std::uint64_t least = 0;               // no placement has less
    std::optional<ReasonPhrase> gain = {}; // of less of it, where it is wished
    Shown shown = Shown::always;
};

inline constexpr std::array cost_term_table{
    CostTermInfo{.term = CostTerm::kind,
                 .name = "kind",
                 .meaning = "vCPUs on CPUs that are not of the wished kind.",
                 .weight = CostTermInfo::Weight::weighty,
                 .sum = CostTermInfo::Sum::apart,
                 .gain = ReasonPhrase::wished_kind},
    CostTermInfo{.term = CostTerm::low_power,
                 .name = "low-power",
                 .meaning = "vCPUs on low-power cores, which only cores=any allows.",
                 .weight = CostTermInfo::Weight::weighty,
                 .gain = ReasonPhrase::fewer_low_power,
                 .shown = CostTermInfo::Shown::nonzero},
    CostTermInfo{.term = CostTerm::doubled,
                 .name = "doubled",
                 .meaning = "With smt=spread, vCPUs that are on a core with another one; else 0.",
                 .weight = CostTermInfo::Weight::wished,
                 .gain = ReasonPhrase::fewer_doubled,
                 .shown = CostTermInfo::Shown::nonzero},
    CostTermInfo{.term = CostTerm::imbalance,
                 .name = "imbalance",
                 .meaning = "With numa=spread, the vCPUs that the fullest node has more than the "
                            "emptiest one beyond what the numbers force, or the guest cells that "
                            "share a node; else 0.",
                 .weight = CostTermInfo::Weight::weighty,
                 .sum = CostTermInfo::Sum::apart,
                 .gain = ReasonPhrase::even_spread},
    CostTermInfo{.term = CostTerm::nodes,
                 .name = "nodes",
                 .meaning = "NUMA nodes that the vCPUs span, summed over the guest cells.",
                 .weight = CostTermInfo::Weight::weighty,
                 .least = 1,
                 .gain = ReasonPhrase::fewer_nodes},
    CostTermInfo{.term = CostTerm::device_cells,
                 .name = "device-cells",
                 .meaning = "Devices with no vCPU on their nodes, of a guest with several cells; "
                            "else 0.",
                 .weight = CostTermInfo::Weight::weighty,
                 .sum = CostTermInfo::Sum::apart,
                 .gain = ReasonPhrase::fewer_without_cell,
                 .shown = CostTermInfo::Shown::nonzero},
    CostTermInfo{.term = CostTerm::distance,
                 .name = "distance",
                 .meaning = "The distances between the nodes that the vCPUs span, both ways.",
                 .weight = CostTermInfo::Weight::weighty,
                 .sum = CostTermInfo::Sum::apart,
                 .gain = ReasonPhrase::nearer_nodes},
    CostTermInfo{.term = CostTerm::device,
                 .name = "device",
                 .meaning = "vCPUs outside the nodes that are local to the devices of the domain, "
                            "or on a node without memory.",
                 .weight = CostTermInfo::Weight::weighty,
                 .gain = ReasonPhrase::fewer_away_from_devices},
    CostTermInfo{.term = CostTerm::device_distance,
                 .name = "device-distance",
                 .meaning = "How far the vCPUs are from the nearest of those nodes: twice the "
                            "distance, both ways, and one more in another package.",
                 .weight = CostTermInfo::Weight::weighty,
                 .sum = CostTermInfo::Sum::half,
                 .gain = ReasonPhrase::nearer_devices,
                 .shown = CostTermInfo::Shown::nonzero},
    CostTermInfo{.term = CostTerm::packages,
                 .name = "packages",
                 .meaning = "Packages that the vCPUs span.",
                 .weight = CostTermInfo::Weight::weighty,
                 .least = 1,
                 .gain = ReasonPhrase::fewer_packages},
    CostTermInfo{.term = CostTerm::unquiet,
                 .name = "unquiet",
                 .meaning = "vCPUs on CPUs that the scheduler balances, where the host has "
                            "isolated ones.",
                 .weight = CostTermInfo::Weight::weighty,
                 .gain = ReasonPhrase::fewer_unisolated,
                 .shown = CostTermInfo::Shown::nonzero},
    CostTermInfo{.term = CostTerm::stacked,
                 .name = "stacked",
                 .meaning =
                     "1 for a guest whose topology has a core for each vCPU, where not every "
                     "vCPU has a whole free core of the host, though smt=auto wishes it; "
                     "else 0.",
                 .sum = CostTermInfo::Sum::apart,
                 .shown = CostTermInfo::Shown::nonzero},
    CostTermInfo{.term = CostTerm::siblings,
                 .name = "siblings",
                 .meaning = "Guest cores whose vCPUs are not siblings on one host core.",
                 .weight = CostTermInfo::Weight::weighty,
                 .gain = ReasonPhrase::fewer_broken_siblings},
    CostTermInfo{.term = CostTerm::l3,
                 .name = "l3",
                 .meaning = "L3s that the vCPUs span.",
                 .weight = CostTermInfo::Weight::weighty,
                 .least = 1,
                 .gain = ReasonPhrase::fewer_l3s},
    CostTermInfo{.term = CostTerm::partial_cores,
                 .name = "split",
                 .meaning =
                     "Cores of which the vCPUs use only a part, where smt=auto does not wish "
                     "that.",
                 .weight = CostTermInfo::Weight::weighty,
                 .gain = ReasonPhrase::fewer_partial_cores},
    CostTermInfo{.term = CostTerm::shared_cores,
                 .name = "shared",
                 .meaning = "Cores of which another domain claims a part.",
                 .weight = CostTermInfo::Weight::weighty,
                 .gain = ReasonPhrase::fewer_shared_cores},
    CostTermInfo{.term = CostTerm::l2,
                 .name = "l2",
                 .meaning = "L2s of several cores that the vCPUs span.",
                 .shown = CostTermInfo::Shown::nonzero},
    CostTermInfo{.term = CostTerm::neighbours,
                 .name = "neighbours",
                 .meaning = "With cache=alone, L3s that a claim or housekeeping uses, too; else "
                            "0."},
    CostTermInfo{.term = CostTerm::big_caches,
                 .name = "big-caches",
                 .meaning = "With cache=pack, L3s with V-cache, which are left to others; else 0."},
    CostTermInfo{.term = CostTerm::best_fit,
                 .name = "room",
                 .meaning = "With cache=pack, the free CPUs of the L3s that the vCPUs are on, "
                            "theirs included: the fewest that suffice fit best; else 0."},
    CostTermInfo{.term = CostTerm::moves,
                 .name = "moves",
                 .meaning = "CPUs that the vCPUs are pinned to now, and leave."},
    CostTermInfo{.term = CostTerm::io_nodes,
                 .name = "io-nodes",
                 .meaning = "vCPUs of a domain without devices on nodes with I/O, where the host "
                            "has others."},
    CostTermInfo{.term = CostTerm::loaded,
                 .name = "loaded",
                 .meaning = "vCPUs on CPUs where guests of others may float.",
                 .shown = CostTermInfo::Shown::nonzero},
    CostTermInfo{.term = CostTerm::fragmented_nodes,
                 .name = "broken",
                 .meaning = "NUMA nodes that were wholly free and are used now."},
    CostTermInfo{.term = CostTerm::fragmented_l3s,
                 .name = "broken",
                 .meaning = "L3s that were wholly free and are used now."},
    CostTermInfo{.term = CostTerm::fragmented_cores,
                 .name = "broken",
                 .meaning = "Cores that were wholly free and are used now."},
    CostTermInfo{.term = CostTerm::fragmented_l2s,
                 .name = "broken-l2s",
                 .meaning = "L2s of several cores that were wholly free and are used now.",
                 .shown = CostTermInfo::Shown::nonzero},
    CostTermInfo{.term = CostTerm::small_cache,
                 .name = "small-cache",
                 .meaning = "With cache=alone, vCPUs off the V-cache, where the host has one; else "
                            "0.",
                 .weight = CostTermInfo::Weight::wished,
                 .gain = ReasonPhrase::fewer_off_vcache},
    CostTermInfo{.term = CostTerm::rank,
                 .name = "rank",
                 .meaning = "The ranks of the CPUs that the vCPUs are on.",
                 .sum = CostTermInfo::Sum::wide},
};

inline constexpr std::size_t cost_term_count = cost_term_table.size();

static_assert(
    [] {
        for (std::size_t i = 0; i < cost_term_count; ++i) {
            if (static_cast<std::size_t>(cost_term_table[i].term) != i) {
                return false;
            }
        }
        return true;
    }(),
    "the rows are in the order of the enumerators, and none is missing between two");

// Smaller is better; the first term that differs decides.
class Cost {
public:
    constexpr Cost() = default;

    constexpr Cost(std::initializer_list<std::pair<CostTerm, std::uint64_t>> terms)
    {
        for (const auto& [term, amount] : terms) {
            (*this)[term] = amount;
        }
    }

    [[nodiscard]] constexpr std::uint64_t& operator[](CostTerm term)
    {
        return amounts_.at(static_cast<std::size_t>(term));
    }

    [[nodiscard]] constexpr std::uint64_t operator[](CostTerm term) const
    {
        return amounts_.at(static_cast<std::size_t>(term));
    }

    constexpr Cost& operator+=(const Cost& other)
    {
        for (std::size_t i = 0; i < cost_term_count; ++i) {
            amounts_[i] += other.amounts_[i];
        }
        return *this;
    }

    friend constexpr auto operator<=>(const Cost&, const Cost&) = default;

private:
    std::array<std::uint64_t, cost_term_count> amounts_{};
};

// The terms of at least this weight; the others are 0.
[[nodiscard]] constexpr Cost terms_of(const Cost& cost, CostTermInfo::Weight least)
{
    Cost part;
    for (const auto& row : cost_term_table) {
        if (row.weight >= least) {
            part[row.term] = cost[row.term];
        }
    }
    return part;
}

// No placement costs less.
[[nodiscard]] constexpr Cost least_cost()
{
    Cost least;
    for (const auto& row : cost_term_table) {
        least[row.term] = row.least;
    }
    return least;
}

// No weighty term could be less.
[[nodiscard]] constexpr bool is_perfect(const Cost& cost)
{
    const auto least = least_cost();
    return terms_of(cost, CostTermInfo::Weight::weighty) <=
           terms_of(least, CostTermInfo::Weight::weighty);
}

} // namespace virtpind
