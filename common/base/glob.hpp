// SPDX-License-Identifier: LGPL-2.1-or-later
// Patterns of names, as shells have them: * stands for any characters, ? for one, [a-z] and [!a-z]
// for one of a set, and \ before one of these for itself. Characters are those of UTF-8.
#pragma once

#include "result.hpp"

#include <compare>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

namespace virtpind {

class Glob {
public:
    // Of a pattern, in characters.
    static constexpr std::size_t length_max = 128;

    // How much a pattern says about the names that it matches: the greater is the more specific
    // one.
    struct Specificity {
        std::size_t literals = 0; // characters that stand for themselves
        std::size_t sets = 0;
        std::size_t any_ones = 0; // "?"
        friend auto operator<=>(const Specificity&, const Specificity&) = default;
    };

    // Whether a text has a character that means something in a pattern.
    [[nodiscard]] static bool is_pattern(std::string_view text);

    // Error: invalid_argument.
    [[nodiscard]] static Result<Glob> parse(std::string_view pattern);

    // Takes at most the product of both lengths in steps.
    [[nodiscard]] bool matches(std::string_view name) const;

    // Whether there is a name that both match.
    [[nodiscard]] bool overlaps(const Glob& other) const;

    [[nodiscard]] const Specificity& specificity() const { return specificity_; }

private:
    using Range = std::pair<char32_t, char32_t>; // both included

    // What stands for one character, or for any number of them.
    struct Piece {
        bool is_star = false;
        std::vector<Range> ranges; // ascending, none overlap: the characters that it matches
    };

    [[nodiscard]] static bool contains(const Piece& piece, char32_t character);
    [[nodiscard]] static bool intersect(const Piece& a, const Piece& b);
    [[nodiscard]] Result<void> add_set(std::u32string_view& rest);
    void add(std::vector<Range> ranges);

    std::vector<Piece> pieces_;
    Specificity specificity_;
};

} // namespace virtpind
