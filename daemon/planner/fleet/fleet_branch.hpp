// SPDX-License-Identifier: LGPL-2.1-or-later
// What the search over a fleet (fleet_search.hpp) has decided about each domain, and the best that
// the domain could have by that if the other newcomers were not there.
#pragma once

#include "common/model/fleet_cost.hpp"
#include "fleet.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

namespace virtpind {

// A domain of the search: a newcomer, or one that runs and stays where it is.
struct Party {
    Member* member = nullptr;
    bool fixed = false;
    Surroundings around;             // given those that stay
    MemoryLedger::Amounts available; // the same
    std::optional<NodeSet> nodes;    // its memory holds it there
};

// A zone or a core, by position in HostIndex.
struct Spot {
    enum class Kind { zone, core } kind = Kind::zone;
    std::size_t at = 0;
};

struct Stand {
    // Decided so far.
    PackLimits limits;
    bool demanded = false; // it is to be at some spot, so it has a place
    CpuSet beside;         // another is on the cores of these CPUs
    // What it could have.
    bool placed = false;
    Cost bound; // no place costs it less
    VcpuMap pins;
    std::vector<std::size_t> zones; // vCPUs by position in HostIndex
    std::vector<std::size_t> cores;

    [[nodiscard]] std::size_t count(const Spot& spot) const
    {
        return spot.kind == Spot::Kind::zone ? zones[spot.at] : cores[spot.at];
    }

    [[nodiscard]] CountLimit& limit(const Spot& spot)
    {
        return spot.kind == Spot::Kind::zone ? limits.zones[spot.at] : limits.cores[spot.at];
    }
};

using StandPtr = std::shared_ptr<const Stand>;

struct FleetBranch {
    FleetCost bound; // no plan by what is decided costs less
    std::size_t number = 0;
    std::vector<StandPtr> stands; // by party
};

// Finds the stands; counts its work.
class StandFinder {
public:
    explicit StandFinder(const HostIndex& host) : host_{host} {}

    // Nothing is decided yet.
    [[nodiscard]] StandPtr first(const Party& party);
    // The same where it is known that no pins cost it less.
    [[nodiscard]] StandPtr with_known(const Party& party, const VcpuMap& pins) const;
    // The same without a search, nor pins.
    [[nodiscard]] static StandPtr unknown();

    // Precondition: `stand` was that of the party before something more was decided. Nothing where
    // that cannot be.
    [[nodiscard]] StandPtr next(const Party& party, Stand stand);

    // The same with other pins that meet the limits, if they cost it no more.
    [[nodiscard]] StandPtr with_pins(const Party& party, const StandPtr& stand,
                                     const VcpuMap& pins) const;

    // The cost of the pins of `stand` in the terms of a fleet, where others are on the cores of
    // `beside`, too.
    [[nodiscard]] Cost cost_beside(const Party& party, const Stand& stand,
                                   const CpuSet& beside) const;

    [[nodiscard]] std::size_t searches() const { return searches_; }

private:
    [[nodiscard]] Stand undecided() const;
    void search(const Party& party, Stand& stand);
    void set_pins(Stand& stand, VcpuMap pins) const;
    [[nodiscard]] static bool meets_limits(const Stand& stand);

    const HostIndex& host_;
    PackTables tables_;
    std::size_t searches_ = 0;
};

} // namespace virtpind
