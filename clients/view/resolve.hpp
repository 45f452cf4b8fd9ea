// SPDX-License-Identifier: LGPL-2.1-or-later
// Which guest a person means. Pure.
#pragma once

#include "common/base/result.hpp"
#include "facts.hpp"

#include <string_view>
#include <vector>

namespace virtpind::client {

// By UUID, by name, or by the beginning of either that only one guest has. The guest belongs to
// `guests`. Errors: not_found, with the nearest name; ambiguous, with the names that fit.
[[nodiscard]] Result<const Guest*> resolve_guest(const std::vector<Guest>& guests,
                                                 std::string_view text);

} // namespace virtpind::client
