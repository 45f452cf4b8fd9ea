// SPDX-License-Identifier: LGPL-2.1-or-later
// The best place for all newcomers together: branch and bound by conflicts.
//
// Each newcomer is placed as if the other newcomers were not there, which is exact (placer.hpp);
// the sum is a lower bound of what the fleet costs. Where two of these places are in each other's
// way, the search branches on what every plan has to decide:
// - a zone, or a core, holds fewer CPUs than the domains take there: one of them has fewer there;
// - two share a core, and that costs them something: one is not there, or they pay.
// Both leave out no plan, so the least bound of the open branches is one of the whole fleet. A
// branch is closed when placing its newcomers one after the other, within what is decided, costs no
// more than its bound; what this arrives at meets every rule, as each is placed as always.
#pragma once

#include "common/model/fleet_cost.hpp"
#include "fleet.hpp"

namespace virtpind {

// Places newcomers elsewhere where that lowers the cost of the fleet, and tells how good the result
// is. Domains that run, or hold a place that is not planned, stay where they are. Counted work:
// searches for small fleets only (DECISIONS.md 89); then the bound may be below what is possible.
// `moved`: some newcomer is elsewhere now.
struct FleetSearched {
    FleetReport report;
    bool moved = false;
};

[[nodiscard]] FleetSearched search_fleet(Fleet& fleet);

} // namespace virtpind
