// SPDX-License-Identifier: LGPL-2.1-or-later
// Why a dedicated domain does not fit, and what would let it: one thing that it asks for is given
// up at a time, and the domain placed again. A fixed number of placements.
#pragma once

#include "daemon/planner/fleet/fleet.hpp"

#include <cstdint>

namespace virtpind {

// Each of them makes room: "cores=any", "at most 10 vCPUs".
struct Ways {
    ReasonPhrases phrases;
    CpuSet housekeeping = {};     // of the phrase other_housekeeping
    std::uint64_t most_vcpus = 0; // of the phrase at_most_vcpus
};

struct Infeasibility {
    Reason reason; // the first thing whose giving up makes room
    Ways ways;
};

// Precondition: `intent` does not fit in `room`, and nothing is booked for it.
[[nodiscard]] Infeasibility find_infeasibility(Fleet& fleet, const Intent& intent,
                                               const Fleet::Availability& room);

} // namespace virtpind
