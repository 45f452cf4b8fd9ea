// SPDX-License-Identifier: LGPL-2.1-or-later
// Words in messages for people: lists of valid words, suggestions, and texts of others, shortened
// and without control characters.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace virtpind {

using Words = std::vector<std::string_view>;

// "a, b, c".
[[nodiscard]] std::string join_words(const Words& words);

// `text` made printable, in quotes, at most 80 bytes of it.
[[nodiscard]] std::string in_quotes(std::string_view text);
// A file name in quotes, in full, so that it can be found.
[[nodiscard]] std::string path_in_quotes(std::string_view path);

// "unknown WHAT 'smtt'; did you mean 'smt'? Valid: a, b, c", or "unknown WHAT 'x'; valid: a, b, c"
// where no valid word is near.
[[nodiscard]] std::string unknown_word(std::string_view what, std::string_view word,
                                       const Words& valid);

// "; did you mean 'smt'?", or "" where no valid word is near.
[[nodiscard]] std::string did_you_mean(std::string_view word, const Words& valid);

// "1 node", "2 nodes".
[[nodiscard]] std::string pluralize(std::size_t count, std::string_view noun);

// The form of a word for a count: pluralize(1, "is", "are").
[[nodiscard]] std::string pluralize(std::size_t count, std::string_view one, std::string_view many);

} // namespace virtpind
