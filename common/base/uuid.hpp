// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "ids.hpp"

#include <optional>
#include <string_view>

namespace virtpind {

// "550E8400-E29B-41D4-A716-446655440000" in either case to its canonical form; nullopt for
// anything else.
[[nodiscard]] std::optional<DomainUuid> parse_uuid(std::string_view text);

} // namespace virtpind
