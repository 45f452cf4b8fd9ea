// SPDX-License-Identifier: LGPL-2.1-or-later
// What the claims of a fleet leave of automatic housekeeping. Pure.
#pragma once

#include "fleet.hpp"

namespace virtpind {

struct Occupied {
    CpuSet by_respected;
    CpuSet by_active; // all of them
    CpuSet around;    // claims that are on CPUs that housekeeping wishes
};

// Counts what it claims, if it is active.
void add_claim(Occupied& occupied, const Member& member, const CpuSet& wished);

// What housekeeping keeps beside these claims.
[[nodiscard]] CpuSet remaining_beside(const Fleet& fleet, const CpuSet& wished,
                                      const Occupied& occupied);

// The same for all claims of the fleet.
[[nodiscard]] CpuSet remaining_beside(const Fleet& fleet, const CpuSet& wished);

} // namespace virtpind
