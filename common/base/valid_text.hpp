// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <string_view>

namespace virtpind {

// A text that the bus can carry, of any length: bytes that are not UTF-8, and NUL, become \xNN.
// printable() is for people.
[[nodiscard]] std::string valid_text(std::string_view text);

} // namespace virtpind
