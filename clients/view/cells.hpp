// SPDX-License-Identifier: LGPL-2.1-or-later
// Text in the cells of a terminal. Texts are UTF-8 without control characters and escape sequences.
// Pure: the locale of the process is not looked at.
#pragma once

#include "look.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace virtpind::client {

// While it lives, the calling thread's characters are UTF-8 for the C library and what uses it.
class Utf8Locale {
public:
    Utf8Locale();
    ~Utf8Locale();
    Utf8Locale(const Utf8Locale&) = delete;
    Utf8Locale& operator=(const Utf8Locale&) = delete;

private:
    void* before_;
};

// How many cells the text takes: wide characters two, combining ones none.
[[nodiscard]] std::size_t cell_width(std::string_view text);

// The text with blanks behind it up to `width` cells.
[[nodiscard]] std::string padded(std::string_view text, std::size_t width);

// The text cut to `width` cells, with an ellipsis where something is cut; 0: uncut.
[[nodiscard]] std::string clipped(std::string_view text, std::size_t width, const Look& look);

// The text as the look's characters can show it: for ASCII, others are replaced by what is like
// them or by \xNN.
[[nodiscard]] std::string in_charset(std::string_view text, const Look& look);

// A paragraph in lines of at most the look's width, each ended by a newline. `first` begins the
// first line and `next` the others; `first` may be painted, and takes as many cells as `next`.
[[nodiscard]] std::string paragraph(std::string_view first, std::string_view next,
                                    std::string_view text, const Look& look);

// Lines of any text, clipped to the look's width.
[[nodiscard]] std::string clipped_lines(std::string_view text, const Look& look);

} // namespace virtpind::client
