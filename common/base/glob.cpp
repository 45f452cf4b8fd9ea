// SPDX-License-Identifier: LGPL-2.1-or-later
#include "glob.hpp"

#include "messages.hpp"

#include <algorithm>
#include <cstdint>
#include <string>

namespace virtpind {

namespace {

// Bytes that are no UTF-8 stand beyond all characters, each for itself.
constexpr char32_t odd_bytes = 0x110000;
constexpr char32_t all_end = odd_bytes + 0xff;

// One character at the start of `text`, which is not empty; takes it off.
char32_t take_character(std::string_view& text)
{
    const auto lead = static_cast<std::uint8_t>(text.front());
    const std::size_t length = lead < 0x80   ? 1
                               : lead < 0xc2 ? 0
                               : lead < 0xe0 ? 2
                               : lead < 0xf0 ? 3
                               : lead < 0xf5 ? 4
                                             : 0;
    const auto tail = text.substr(1, length > 0 ? length - 1 : 0);
    const auto whole = length > 0 && tail.size() + 1 == length &&
                       std::all_of(tail.begin(), tail.end(), [](char c) {
                           return (static_cast<std::uint8_t>(c) & 0xc0U) == 0x80;
                       });
    if (!whole) {
        text.remove_prefix(1);
        return odd_bytes + lead;
    }
    char32_t character = length == 1 ? lead : lead & (0xffU >> (length + 1));
    for (const auto c : tail) {
        character = (character << 6U) | (static_cast<std::uint8_t>(c) & 0x3fU);
    }
    text.remove_prefix(length);
    return character;
}

std::u32string characters_of(std::string_view text)
{
    std::u32string characters;
    characters.reserve(text.size());
    while (!text.empty()) {
        characters += take_character(text);
    }
    return characters;
}

Error bad_pattern(std::string_view why)
{
    return Error{.code = Errc::invalid_argument, .message = std::string{why}};
}

Error escape_at_end()
{
    return bad_pattern("the pattern ends with '\\'; write '\\\\' for the character itself");
}

} // namespace

bool Glob::is_pattern(std::string_view text)
{
    return text.find_first_of("*?[") != std::string_view::npos;
}

void Glob::add(std::vector<Range> ranges)
{
    pieces_.push_back({.is_star = false, .ranges = std::move(ranges)});
}

// What comes after '[', up to its ']'. A ']' that comes first stands for itself, as does a '-' at
// either end.
Result<void> Glob::add_set(std::u32string_view& rest)
{
    const auto negated = !rest.empty() && (rest.front() == U'!' || rest.front() == U'^');
    rest.remove_prefix(negated ? 1 : 0);
    std::vector<Range> ranges;
    const auto take = [&rest] {
        rest.remove_prefix(rest.size() > 1 && rest.front() == U'\\' ? 1 : 0);
        const auto character = rest.front();
        rest.remove_prefix(1);
        return character;
    };
    for (auto first = true; !rest.empty() && (first || rest.front() != U']'); first = false) {
        const auto from = take();
        auto to = from;
        if (rest.size() > 1 && rest[0] == U'-' && rest[1] != U']') {
            rest.remove_prefix(1);
            to = take();
        }
        if (to < from) {
            return bad_pattern("a range in '[...]' runs backwards; write the lower end first");
        }
        ranges.emplace_back(from, to);
    }
    if (rest.empty()) {
        return bad_pattern("'[' has no ']'; write '\\[' for the character itself");
    }
    rest.remove_prefix(1);
    std::sort(ranges.begin(), ranges.end());
    std::vector<Range> joined;
    std::vector<Range> gaps;
    char32_t next = 0; // the first character behind all ranges so far
    for (const auto& [from, to] : ranges) {
        if (from > next) {
            gaps.emplace_back(next, from - 1);
        }
        if (to >= next) {
            joined.emplace_back(std::max(from, next), to);
            next = to + 1;
        }
    }
    gaps.emplace_back(next, all_end);
    add(negated ? std::move(gaps) : std::move(joined));
    ++specificity_.sets;
    return {};
}

Result<Glob> Glob::parse(std::string_view pattern)
{
    const auto characters = characters_of(pattern);
    if (characters.size() > length_max) {
        return bad_pattern("the pattern has more than " + std::to_string(length_max) +
                           " characters; use a shorter one");
    }
    Glob glob;
    std::u32string_view rest{characters};
    while (!rest.empty()) {
        const auto character = rest.front();
        rest.remove_prefix(1);
        switch (character) {
        case U'*':
            if (glob.pieces_.empty() || !glob.pieces_.back().is_star) {
                glob.pieces_.push_back({.is_star = true, .ranges = {}});
            }
            break;
        case U'?':
            glob.add({{char32_t{0}, all_end}});
            ++glob.specificity_.any_ones;
            break;
        case U'[':
            if (auto added = glob.add_set(rest); !added) {
                return std::move(added).error();
            }
            break;
        case U'\\':
            if (rest.empty()) {
                return escape_at_end();
            }
            glob.add({{rest.front(), rest.front()}});
            rest.remove_prefix(1);
            ++glob.specificity_.literals;
            break;
        default:
            glob.add({{character, character}});
            ++glob.specificity_.literals;
        }
    }
    return glob;
}

bool Glob::contains(const Piece& piece, char32_t character)
{
    return std::any_of(piece.ranges.begin(), piece.ranges.end(), [character](const Range& range) {
        return range.first <= character && character <= range.second;
    });
}

bool Glob::intersect(const Piece& a, const Piece& b)
{
    return std::any_of(a.ranges.begin(), a.ranges.end(), [&b](const Range& one) {
        return std::any_of(b.ranges.begin(), b.ranges.end(), [&one](const Range& other) {
            return one.first <= other.second && other.first <= one.second;
        });
    });
}

// Of all ways to match, only the last star can be tried again: an earlier one could take no more
// than what the last one takes.
bool Glob::matches(std::string_view name) const
{
    const auto text = characters_of(name);
    constexpr auto none = static_cast<std::size_t>(-1);
    std::size_t at = 0;
    std::size_t piece = 0;
    std::size_t star = none;   // the last one,
    std::size_t star_ends = 0; // and where what it stands for ends
    while (at < text.size()) {
        if (piece < pieces_.size() && pieces_[piece].is_star) {
            star = piece++;
            star_ends = at;
        } else if (piece < pieces_.size() && contains(pieces_[piece], text[at])) {
            ++piece;
            ++at;
        } else if (star != none) {
            piece = star + 1;
            at = ++star_ends;
        } else {
            return false;
        }
    }
    return std::all_of(pieces_.begin() + static_cast<std::ptrdiff_t>(piece), pieces_.end(),
                       [](const Piece& one) { return one.is_star; });
}

// Both patterns are read along one name that is not yet known: reached[j] tells whether some name
// leads the first through its pieces before `i`, and the second through its own before j.
bool Glob::overlaps(const Glob& other) const
{
    const auto& others = other.pieces_;
    std::vector<bool> reached(others.size() + 1);
    reached[0] = true;
    for (std::size_t i = 0;; ++i) {
        for (std::size_t j = 0; j < others.size(); ++j) { // the second alone goes on
            const auto star = i < pieces_.size() && pieces_[i].is_star;
            if (reached[j] && (star || others[j].is_star)) {
                reached[j + 1] = true;
            }
        }
        if (i == pieces_.size()) {
            return reached[others.size()];
        }
        std::vector<bool> next(others.size() + 1);
        for (std::size_t j = 0; j <= others.size(); ++j) {
            const auto other_star = j < others.size() && others[j].is_star;
            if (reached[j] && (pieces_[i].is_star || other_star)) { // the first alone
                next[j] = true;
            }
            if (j < others.size() && reached[j] && !pieces_[i].is_star && !other_star &&
                intersect(pieces_[i], others[j])) { // both, by one character
                next[j + 1] = true;
            }
        }
        reached = std::move(next);
    }
}

} // namespace virtpind
