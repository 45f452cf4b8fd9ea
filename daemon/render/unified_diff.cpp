// SPDX-License-Identifier: LGPL-2.1-or-later
#include "unified_diff.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace virtpind {

namespace {

using Lines = std::vector<std::string_view>;

// With their newlines, so that a missing one at the end counts.
Lines split_lines(std::string_view text)
{
    Lines lines;
    while (!text.empty()) {
        const auto length = std::min(text.find('\n'), text.size() - 1) + 1;
        lines.push_back(text.substr(0, length));
        text.remove_prefix(length);
    }
    return lines;
}

struct Edit {
    char sign; // ' ' both, '-' only before, '+' only after
    std::string_view line;
};

using Edits = std::vector<Edit>;

void add_all(Edits& edits, char sign, const Lines& lines)
{
    for (const auto line : lines) {
        edits.push_back({sign, line});
    }
}

// Lengths of the longest common subsequences of the tails from (i, j), row by row.
class CommonTails {
public:
    CommonTails(const Lines& before, const Lines& after)
        : width_{after.size() + 1}, lengths_((before.size() + 1) * width_)
    {
        for (auto i = before.size(); i-- > 0;) {
            for (auto j = after.size(); j-- > 0;) {
                lengths_[i * width_ + j] = before[i] == after[j]
                                               ? at(i + 1, j + 1) + 1
                                               : std::max(at(i + 1, j), at(i, j + 1));
            }
        }
    }

    [[nodiscard]] std::uint32_t at(std::size_t i, std::size_t j) const
    {
        return lengths_[i * width_ + j];
    }

private:
    std::size_t width_;
    std::vector<std::uint32_t> lengths_;
};

// The middle, where both ends are already known to differ. Where it is too long for the quadratic
// table, all of it is replaced.
void add_middle(Edits& edits, const Lines& before, const Lines& after)
{
    constexpr std::size_t table_max = 4'000'000;
    if (before.size() * after.size() > table_max) {
        add_all(edits, '-', before);
        add_all(edits, '+', after);
        return;
    }
    const CommonTails common{before, after};
    std::size_t i = 0;
    std::size_t j = 0;
    while (i < before.size() || j < after.size()) {
        if (i < before.size() && j < after.size() && before[i] == after[j]) {
            edits.push_back({' ', before[i]});
            ++i;
            ++j;
        } else if (j == after.size() ||
                   (i < before.size() && common.at(i + 1, j) >= common.at(i, j + 1))) {
            edits.push_back({'-', before[i++]});
        } else {
            edits.push_back({'+', after[j++]});
        }
    }
}

Edits make_edits(const Lines& before, const Lines& after)
{
    const auto shorter = static_cast<std::ptrdiff_t>(std::min(before.size(), after.size()));
    const auto head = std::mismatch(before.begin(), before.begin() + shorter, after.begin()).first -
                      before.begin();
    const auto tail =
        std::mismatch(before.rbegin(), before.rbegin() + (shorter - head), after.rbegin()).first -
        before.rbegin();
    Edits edits;
    add_all(edits, ' ', {before.begin(), before.begin() + head});
    add_middle(edits, {before.begin() + head, before.end() - tail},
               {after.begin() + head, after.end() - tail});
    add_all(edits, ' ', {before.end() - tail, before.end()});
    return edits;
}

// "12,3": where a hunk begins and how long it is; an empty side is counted from the line before.
std::string range_text(std::size_t lines_before, std::size_t count)
{
    return std::to_string(count == 0 ? lines_before : lines_before + 1) + "," +
           std::to_string(count);
}

std::size_t count_of(const Edits& edits, std::size_t from, std::size_t to, char sign)
{
    return static_cast<std::size_t>(
        std::count_if(edits.begin() + static_cast<std::ptrdiff_t>(from),
                      edits.begin() + static_cast<std::ptrdiff_t>(to),
                      [sign](const Edit& edit) { return edit.sign == ' ' || edit.sign == sign; }));
}

std::string hunk_text(const Edits& edits, std::size_t from, std::size_t to)
{
    auto text = "@@ -" + range_text(count_of(edits, 0, from, '-'), count_of(edits, from, to, '-')) +
                " +" + range_text(count_of(edits, 0, from, '+'), count_of(edits, from, to, '+')) +
                " @@\n";
    for (auto i = from; i < to; ++i) {
        text += edits[i].sign + std::string{edits[i].line};
        text += edits[i].line.ends_with('\n') ? "" : "\n\\ No newline at end of file\n";
    }
    return text;
}

} // namespace

std::string unified_diff(std::string_view before, std::string_view after, std::string_view name,
                         std::size_t context)
{
    const auto edits = make_edits(split_lines(before), split_lines(after));
    std::string hunks;
    for (std::size_t i = 0; i < edits.size();) {
        if (edits[i].sign == ' ') {
            ++i;
            continue;
        }
        const auto from = i - std::min(i, context);
        // A hunk goes on while the next change is so near that the contexts would touch.
        auto last = i;
        for (auto j = i; j < edits.size() && j <= last + 2 * context + 1; ++j) {
            last = edits[j].sign == ' ' ? last : j;
        }
        const auto to = std::min(last + 1 + context, edits.size());
        hunks += hunk_text(edits, from, to);
        i = to;
    }
    return hunks.empty() ? ""
                         : "--- " + std::string{name} + "\n+++ " + std::string{name} + "\n" + hunks;
}

} // namespace virtpind
