// SPDX-License-Identifier: LGPL-2.1-or-later
// Which guest a person means. Pure.
#pragma once

#include "common/base/result.hpp"
#include "facts.hpp"

#include <string_view>
#include <vector>

namespace virtpind::client {

// Whether the beginning of a name or UUID will do. It does not where something is changed: the
// guest that was meant may be gone, and another's name begins like its own.
enum class Naming { whole, beginning };

// By UUID, by name, or by the beginning of either that only one guest has. The guest belongs to
// `guests`. Errors: not_found, with the nearest name; ambiguous, with the names that fit.
[[nodiscard]] Result<const Guest*> resolve_guest(const std::vector<Guest>& guests,
                                                 std::string_view text,
                                                 Naming naming = Naming::beginning);

} // namespace virtpind::client
