// SPDX-License-Identifier: LGPL-2.1-or-later
// The places of domains that are shut off, for their definitions.
#pragma once

#include "arrangement.hpp"

#include <vector>

namespace virtpind {

// Places those that are shut off, in the order of the members; what others wait for.
std::vector<Fleet::Later> place_shut_off(Arrangement& arrangement);

} // namespace virtpind
