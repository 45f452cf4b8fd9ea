// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace virtpind {

// What turns `before` into `after` as a unified diff with so many lines of context, as `diff -u`
// writes it and `patch` reads it; "" when they are equal. `name` stands in both headers.
[[nodiscard]] std::string unified_diff(std::string_view before, std::string_view after,
                                       std::string_view name, std::size_t context = 3);

} // namespace virtpind
