// SPDX-License-Identifier: LGPL-2.1-or-later
#include "messages.hpp"

#include "printable.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace virtpind {

namespace {

// Longer words are not worth comparing: no option or policy name is.
constexpr std::size_t compared_max = 64;

// Letters left out, put in, changed, or swapped with the next one: optimal string alignment, by
// rows.
std::size_t edit_distance(std::string_view a, std::string_view b)
{
    std::vector<std::size_t> row(b.size() + 1); // of i + 1 letters of `a`
    std::iota(row.begin(), row.end(), std::size_t{0});
    auto before = row;
    auto two_before = row;
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::swap(two_before, before);
        std::swap(before, row);
        row[0] = i + 1;
        for (std::size_t j = 0; j < b.size(); ++j) {
            const auto changed = before[j] + (a[i] == b[j] ? 0 : 1);
            row[j + 1] = std::min({changed, row[j] + 1, before[j + 1] + 1});
            if (i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j]) {
                row[j + 1] = std::min(row[j + 1], two_before[j - 1] + 1);
            }
        }
    }
    return row.back();
}

// The valid word that differs least, or "" when none is near enough to be a slip of the finger.
std::string_view nearest_word(std::string_view word, const Words& valid)
{
    std::string_view nearest;
    if (word.size() > compared_max) {
        return nearest;
    }
    auto best = std::max<std::size_t>(word.size() / 3, 1) + 1;
    for (const auto candidate : valid) {
        const auto distance = edit_distance(word, candidate);
        if (distance < best) {
            best = distance;
            nearest = candidate;
        }
    }
    return nearest;
}

} // namespace

std::string join_words(const Words& words)
{
    std::string text;
    for (const auto word : words) {
        text += (text.empty() ? "" : ", ") + std::string{word};
    }
    return text;
}

std::string in_quotes(std::string_view text)
{
    constexpr std::size_t shown_max = 80;
    return "'" + printable(text, shown_max) + "'";
}

std::string path_in_quotes(std::string_view path)
{
    constexpr std::size_t shown_max = 4096; // of the kernel
    return "'" + printable(path, shown_max) + "'";
}

std::string unknown_word(std::string_view what, std::string_view word, const Words& valid)
{
    const auto nearest = nearest_word(word, valid);
    const auto asks =
        nearest.empty() ? "; valid: " : "; did you mean '" + std::string{nearest} + "'? Valid: ";
    return "unknown " + std::string{what} + " " + in_quotes(word) + asks + join_words(valid);
}

std::string did_you_mean(std::string_view word, const Words& valid)
{
    const auto nearest = nearest_word(word, valid);
    return nearest.empty() ? "" : "; did you mean " + in_quotes(nearest) + "?";
}

std::string pluralize(std::size_t count, std::string_view noun)
{
    return std::to_string(count) + " " + std::string{noun} + pluralize(count, "", "s");
}

std::string pluralize(std::size_t count, std::string_view one, std::string_view many)
{
    return std::string{count == 1 ? one : many};
}

} // namespace virtpind
