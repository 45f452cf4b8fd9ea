// SPDX-License-Identifier: LGPL-2.1-or-later
// Rules on the memory of newcomers: it is there where the plan sends them.
#pragma once

#include "check_context.hpp"

namespace virtpind {

// The memory of the domain that is looked at is there at all on `nodes`, if it is a newcomer.
void check_memory(CheckContext& check, const NodeSet& nodes);

// No nodes are promised to all newcomers together beyond what they have, nor to one that is shut
// off and these.
void check_promises(CheckContext& check);

} // namespace virtpind
