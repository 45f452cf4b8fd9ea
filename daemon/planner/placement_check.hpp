// SPDX-License-Identifier: LGPL-2.1-or-later
// Rules on the place of one domain, by what kind of place it is.
#pragma once

#include "check_context.hpp"

namespace virtpind {

// Both: of the domain that is looked at. Precondition: check.has_all_pins().
void check_dedicated(CheckContext& check);
void check_shared(CheckContext& check);

// A core of their own is one that is claimed for its threads, and that no vCPU is on; the same
// precondition.
void check_own_cores(CheckContext& check);

} // namespace virtpind
