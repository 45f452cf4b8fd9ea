// SPDX-License-Identifier: LGPL-2.1-or-later
// All dedicated domains in their places, and housekeeping in its own: automatic housekeeping is a
// wish and gives way to them, a list that somebody wrote is an order.
//
// It gives way where a domain that is being placed would otherwise not fit, lose its kind of core,
// its nodes or those of its devices, or the V-cache (Loss), where that costs no other domain any of
// these and moves no running one, and to no more than one core that is left of it. CPUs on which
// running domains have their places already are not taken from them. What it keeps follows from
// what it wishes and who is where (remaining_housekeeping()), so that a plan from its own result is
// the same.
#pragma once

#include "retreat.hpp"

#include <memory>

namespace virtpind {

struct Arrangement {
    CpuSet wished;                // what housekeeping would have; empty where it is not automatic
    std::unique_ptr<Fleet> fleet; // never nullptr; it points at the host and the request
    FleetReport report;           // how good that is for all together
    RetreatBudget budget;         // what is left of it for domains that are shut off

    // What automatic housekeeping leaves to domains that run.
    [[nodiscard]] CpuSet yielded() const { return wished - fleet->housekeeping(); }
};

// Counted: housekeeping is tried on so many other CPUs in all, each with all domains placed anew.
// Where nothing is amiss with what it wishes, the domains are placed once.
[[nodiscard]] Arrangement arrange(const HostIndex& host, const PlanRequest& request,
                                  const CpuSet& usable);

} // namespace virtpind
