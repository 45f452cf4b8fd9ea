// SPDX-License-Identifier: LGPL-2.1-or-later
// Where the places of several domains are in each other's way, and what every plan has to decide
// there: the cases together leave out no plan.
#pragma once

#include "fleet_branch.hpp"

#include <cstddef>
#include <optional>
#include <vector>

namespace virtpind {

class FleetConflicts {
public:
    using Stands = std::vector<StandPtr>; // by party
    using Cases = std::vector<Stands>;

    // All three outlive this. `free`: what those that stay leave to newcomers.
    FleetConflicts(const HostIndex& host, const std::vector<Party>& parties, StandFinder& finder,
                   const CpuSet& free);

    // The cases of one conflict; nothing where there is none of that sort. Of domains that differ
    // in nothing, neither in what is decided about them, only the first stands for all.
    //
    // A zone, or a core, that is too small for all who would be there: one has fewer vCPUs there.
    [[nodiscard]] std::optional<Cases> over_zones(const Stands& stands);
    [[nodiscard]] std::optional<Cases> over_cores(const Stands& stands);
    // Too few cores of one kind for domains that are on one kind only: one is on another.
    [[nodiscard]] std::optional<Cases> over_kinds(const Stands& stands);
    // Two share a core, which costs one of them more than its stand knows: the first is not there,
    // or the second is not, or both are and pay.
    [[nodiscard]] std::optional<Cases> over_company(const Stands& stands);

private:
    // The sizes of the cores of a capacity.
    struct CoreSizes {
        std::size_t least = 0;
        std::size_t most = 0;
    };

    // A part of the host.
    struct Capacity {
        Spot spot;
        std::size_t cpus = 0; // free ones
        CoreSizes sizes;
    };

    using Change = std::pair<std::size_t, StandPtr>; // of one party

    [[nodiscard]] CoreSizes core_sizes(const IdSet<CoreIndex>& cores) const;
    [[nodiscard]] static std::size_t fewest_claimed(const Policy& policy, const CoreSizes& sizes,
                                                    std::size_t vcpus);
    [[nodiscard]] std::size_t claimed_in(const Capacity& capacity, const Stands& stands) const;
    [[nodiscard]] std::optional<Cases> over_capacities(const Stands& stands,
                                                       const std::vector<Capacity>& capacities);
    [[nodiscard]] std::vector<std::size_t> on_kind(const Stands& stands, KindIndex kind) const;
    [[nodiscard]] Cost cost_in_company(const Stands& stands, std::size_t party) const;
    [[nodiscard]] std::optional<std::size_t> costly_core(const Stands& stands, std::size_t i,
                                                         std::size_t j) const;
    [[nodiscard]] Cases cases_at(const Stands& stands, std::size_t i, std::size_t j,
                                 std::size_t core);
    // Whether one that comes before it, of `among`, can stand in for `party`.
    [[nodiscard]] bool has_stand_in(const Stands& stands, const std::vector<std::size_t>& among,
                                    std::size_t party) const;

    [[nodiscard]] StandPtr at_most(const Stands& stands, std::size_t party, const Spot& spot,
                                   std::size_t most);
    [[nodiscard]] StandPtr at_least(const Stands& stands, std::size_t party, const Spot& spot,
                                    std::size_t least);
    [[nodiscard]] StandPtr off_kind(const Stands& stands, std::size_t party, KindIndex kind);
    [[nodiscard]] StandPtr in_company(const Stands& stands, std::size_t party, const Spot& spot);
    static void add_case(Cases& cases, const Stands& stands, const std::vector<Change>& changes);

    const HostIndex& host_;
    const std::vector<Party>& parties_;
    StandFinder& finder_;
    std::vector<Capacity> zones_; // the whole host first
    std::vector<Capacity> cores_;
    std::vector<std::size_t> kinds_; // free CPUs by KindIndex
    std::vector<std::size_t> alike_; // by party: the first that differs in nothing
};

} // namespace virtpind
