// SPDX-License-Identifier: LGPL-2.1-or-later
// What running domains claim before their turn comes, and what all have booked after it.
#pragma once

#include "fleet.hpp"

namespace virtpind {

// Running domains claim their present CPUs until their turn comes, so that nobody who is placed
// before takes them needlessly; what is needed beyond those (idle siblings, extra cores) first for
// those that run in their place.
void reserve_present_cpus(Fleet& fleet);

// Books the memory of all by where they are now, not by the order in which they came there: the
// next plan finds them there, and the same memory left.
void settle_memory(Fleet& fleet);

} // namespace virtpind
