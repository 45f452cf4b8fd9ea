// SPDX-License-Identifier: LGPL-2.1-or-later
// Limits on the contents of one call.
#pragma once

#include "common/model/domain.hpp"

#include <cstddef>

namespace virtpind::bus {

inline constexpr std::size_t options_max = 32;
inline constexpr std::size_t list_items_max = 32;
inline constexpr std::size_t text_bytes_max = 4096; // of a list, all its words together
inline constexpr std::size_t xml_bytes_max = changed_definition_bytes_max;
inline constexpr std::size_t options_bytes_max = 16384; // of all texts of a call

} // namespace virtpind::bus
