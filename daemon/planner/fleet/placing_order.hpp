// SPDX-License-Identifier: LGPL-2.1-or-later
// Whose turn it is.
#pragma once

#include "fleet.hpp"

#include <cstddef>
#include <vector>

namespace virtpind {

// Members to place, in the order of their turns: priority, then running ones that already have
// their place, then larger ones, then arrival.
[[nodiscard]] std::vector<std::size_t> placing_order(const Fleet& fleet, bool dormant);

} // namespace virtpind
