// SPDX-License-Identifier: LGPL-2.1-or-later
// After every domain had its turn: bounded attempts to do better for all by moving a few.
#pragma once

#include "fleet.hpp"

namespace virtpind {

void repair(Fleet& fleet);

} // namespace virtpind
