// SPDX-License-Identifier: LGPL-2.1-or-later
// What running domains claim before their turn comes.
#pragma once

#include "fleet.hpp"

namespace virtpind {

// Running domains claim their present CPUs until their turn comes, so that nobody who is placed
// before takes them needlessly; what is needed beyond those (idle siblings, extra cores) first for
// those that run in their place.
void reserve_present_cpus(Fleet& fleet);

} // namespace virtpind
