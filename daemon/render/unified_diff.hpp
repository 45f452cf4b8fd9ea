// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace virtpind {

// The difference from `before` to `after` as a unified diff with this many lines of context, as
// `diff -u` writes it and `patch` reads it; "" when they are equal. Both headers have `name`.
[[nodiscard]] std::string unified_diff(std::string_view before, std::string_view after,
                                       std::string_view name, std::size_t context = 3);

} // namespace virtpind
