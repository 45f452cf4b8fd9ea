// SPDX-License-Identifier: LGPL-2.1-or-later
// Somebody else's text made fit for a log line or a sentence.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace virtpind {

// Control characters and bytes that are not UTF-8 become \xNN; longer texts end in "...". Names
// of domains come from whoever may define one: a newline or an escape sequence in a log line, or
// broken UTF-8 on the bus (which ends the connection), must not be theirs to write.
[[nodiscard]] std::string printable(std::string_view text, std::size_t bytes_max = 256);

// The same for a text of many lines, of any length: newlines and tabs stay.
[[nodiscard]] std::string printable_lines(std::string_view text);

} // namespace virtpind
