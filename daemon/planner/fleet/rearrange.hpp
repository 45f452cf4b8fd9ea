// SPDX-License-Identifier: LGPL-2.1-or-later
// After every dedicated domain had its turn: bounded attempts to do better for all by moving a few.
#pragma once

#include "common/model/fleet_cost.hpp"
#include "fleet.hpp"

namespace virtpind {

// First it makes room for newcomers that did not fit: it moves one or two others that may be moved,
// or takes the CPUs of domains of lower priority. A running domain without a place waits for
// free CPUs instead: moving others again at every plan would never come to rest.
// Then every newcomer is placed once more with all others there, also in exchange with another
// newcomer, and stays there when that lowers the cost of the fleet (fleet_cost.hpp), or leaves it
// and lowers the sum of all terms. Running domains are moved for nobody's mere comfort.
// Last, small fleets are searched for the best place of all newcomers together (fleet_search.hpp).
// Afterwards each cost is the one given all others, and `proven` is about that.
FleetReport rearrange(Fleet& fleet);

} // namespace virtpind
