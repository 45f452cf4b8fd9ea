// SPDX-License-Identifier: LGPL-2.1-or-later
// How a text is to look: its width, its characters, its colours. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace virtpind::client {

struct Look {
    std::size_t width = 0; // in cells of the terminal; 0: as wide as the text is
    bool utf8 = true;      // otherwise ASCII only
    bool colour = false;   // escape sequences of ECMA-48
    bool legend = true;    // headings and explanations
};

enum class Colour { none, green, yellow, red, grey, bold };

// What stands before a guest or a reason.
enum class Mark { good, shortfall, failed, off, foreign, held, busy, reason_good, reason_note };

[[nodiscard]] std::string_view mark_text(Mark mark, const Look& look);
[[nodiscard]] Colour mark_colour(Mark mark);
[[nodiscard]] std::string paint(std::string_view text, Colour colour, const Look& look);
[[nodiscard]] std::string painted_mark(Mark mark, const Look& look);

// The escape sequence that begins a colour; "" for none.
[[nodiscard]] std::string_view colour_sequence(Colour colour);

} // namespace virtpind::client
