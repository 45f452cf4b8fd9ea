// SPDX-License-Identifier: LGPL-2.1-or-later
// Running domains move for a better place, though everybody has one: for a newcomer that spans more
// nodes or L3s than it needs, or for themselves, after another has left or they have shrunk.
#pragma once

#include "fleet.hpp"

#include <cstddef>

namespace virtpind {

// Whoever spans more nodes or L3s than it would alone is placed once more, with at most two others
// out of its way, each as far as its option `move` allows and none of higher priority. That stands
// where it spans fewer nodes, or as many and fewer L3s, and nobody, it included, is worse off in a
// term that people are told of. So each such move lowers the sum of these terms: nothing moves to
// and fro. At most `vcpus` vCPUs of running domains change their CPU, the fewest that were found to
// do. Counted work: a fixed number of arrangements are tried.
//
// True where somebody moves: Member::tidied says who and why. Costs are then those given all
// others. Precondition: every domain had its turn (rearrange.hpp).
bool tidy(Fleet& fleet, std::size_t vcpus);

} // namespace virtpind
