// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <string_view>

namespace virtpind {

// What the bus can carry, of any length: bytes that are not UTF-8, and NUL, become \xNN; everything
// else stays. For people there is printable().
[[nodiscard]] std::string valid_text(std::string_view text);

} // namespace virtpind
