// SPDX-License-Identifier: LGPL-2.1-or-later
// Makes a text of others fit for a log line or a sentence.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace virtpind {

// Control characters and bytes that are not UTF-8 become \xNN; longer texts end in "...". A
// domain's name comes from its owner, who must not write newlines or escape sequences into the log,
// or broken UTF-8 to the bus (which ends the connection).
[[nodiscard]] std::string printable(std::string_view text, std::size_t bytes_max = 256);

// The same for a text of many lines, of any length: newlines and tabs stay.
[[nodiscard]] std::string printable_lines(std::string_view text);

} // namespace virtpind
