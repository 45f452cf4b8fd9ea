// SPDX-License-Identifier: LGPL-2.1-or-later
#include "table.hpp"

#include "cells.hpp"

#include <libsmartcols.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>
#include <numeric>

namespace virtpind::client {

namespace {

constexpr std::size_t gap = 2; // blanks between columns

struct TableEnd {
    void operator()(libscols_table* table) const { scols_unref_table(table); }
};

// Widths of the texts, the title among them.
std::vector<std::size_t> natural_widths(const std::vector<Column>& columns,
                                        const std::vector<std::vector<Cell>>& rows,
                                        const Look& look)
{
    std::vector<std::size_t> widths;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        auto width = look.legend ? cell_width(columns[i].title) : 0;
        for (const auto& row : rows) {
            width = std::max(width, cell_width(in_charset(row.at(i).text, look)));
        }
        widths.push_back(width);
    }
    return widths;
}

// The columns that are shown, ascending: the highest ranks go until the rest fits.
std::vector<std::size_t> shown_columns(const std::vector<Column>& columns,
                                       const std::vector<std::size_t>& widths, const Look& look)
{
    std::vector<std::size_t> shown(columns.size());
    std::iota(shown.begin(), shown.end(), std::size_t{0});
    const auto needed = [&] {
        std::size_t sum = 0;
        for (const auto i : shown) {
            sum += gap + (columns[i].least > 0 ? std::min(columns[i].least, widths[i]) : widths[i]);
        }
        return sum;
    };
    while (look.width > 0 && needed() > look.width + gap) {
        const auto first_to_go = std::max_element(shown.begin(), shown.end(), [&](auto a, auto b) {
            return columns[a].rank < columns[b].rank;
        });
        if (columns[*first_to_go].rank == 0) {
            break;
        }
        shown.erase(first_to_go);
    }
    return shown;
}

// How wide each shown column becomes: the widest of those that can do with less give way first.
std::vector<std::size_t> allotted_widths(const std::vector<Column>& columns,
                                         const std::vector<std::size_t>& shown,
                                         std::vector<std::size_t> widths, const Look& look)
{
    for (;;) {
        std::size_t sum = 0;
        auto widest = columns.size();
        for (const auto i : shown) {
            sum += gap + widths[i];
            const auto gives = columns[i].least > 0 && widths[i] > columns[i].least;
            if (gives && (widest == columns.size() || widths[i] > widths[widest])) {
                widest = i;
            }
        }
        if (look.width == 0 || sum <= look.width + gap || widest == columns.size()) {
            return widths;
        }
        --widths[widest];
    }
}

// The text in lines of at most `width` cells.
std::string wrapped(const std::string& text, std::size_t width, const Look& look)
{
    if (cell_width(text) <= width) {
        return text;
    }
    auto narrow = look;
    narrow.width = width;
    auto lines = paragraph("", "", text, narrow);
    lines.pop_back();
    return lines;
}

// libsmartcols escapes "\xNN" once more, which is there where a text was not printable, and counts
// no cell for a backslash that it is told to leave. So it gets another character of one cell.
constexpr std::string_view backslash_stand_in = "\uE05C"; // private use

std::string with_all(std::string text, std::string_view what, std::string_view instead)
{
    for (auto at = text.find(what); at != std::string::npos;
         at = text.find(what, at + instead.size())) {
        text.replace(at, what.size(), instead);
    }
    return text;
}

// Trailing blanks, which libsmartcols writes to fill columns.
std::string without_trailing_blanks(std::string_view text)
{
    std::string out;
    while (!text.empty()) {
        auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        line = line.substr(0, line.find_last_not_of(' ') + 1);
        out += std::string{line} + "\n";
    }
    return out;
}

void check(int result)
{
    if (result != 0) { // libsmartcols fails for want of memory only
        throw std::bad_alloc{};
    }
}

void add_columns(libscols_table* table, const std::vector<Column>& columns,
                 const std::vector<std::size_t>& shown)
{
    for (const auto i : shown) {
        const auto& column = columns[i];
        auto* made = scols_table_new_column(table, column.title.c_str(), 0,
                                            SCOLS_FL_WRAP | (column.right ? SCOLS_FL_RIGHT : 0));
        if (made == nullptr) {
            throw std::bad_alloc{};
        }
        check(scols_column_set_safechars(made, "\n"));
        check(scols_column_set_wrapfunc(made, scols_wrapnl_chunksize, scols_wrapnl_nextchunk,
                                        nullptr));
    }
}

void add_rows(libscols_table* table, const std::vector<std::vector<Cell>>& rows,
              const std::vector<std::size_t>& shown, const std::vector<std::size_t>& widths,
              const Look& look)
{
    for (const auto& row : rows) {
        auto* line = scols_table_new_line(table, nullptr);
        if (line == nullptr) {
            throw std::bad_alloc{};
        }
        for (std::size_t at = 0; at < shown.size(); ++at) {
            const auto& cell = row.at(shown[at]);
            const auto text =
                with_all(wrapped(in_charset(cell.text, look), widths[shown[at]], look), "\\",
                         backslash_stand_in);
            check(scols_line_set_data(line, at, text.c_str()));
            if (look.colour && cell.colour != Colour::none) {
                check(scols_cell_set_color(scols_line_get_cell(line, at),
                                           std::string{colour_sequence(cell.colour)}.c_str()));
            }
        }
    }
}

} // namespace

std::string render_table(const std::vector<Column>& columns,
                         const std::vector<std::vector<Cell>>& rows, const Look& look)
{
    if (rows.empty()) {
        return "";
    }
    const Utf8Locale utf8; // libsmartcols counts cells by it
    const std::unique_ptr<libscols_table, TableEnd> table{scols_new_table()};
    if (!table) {
        throw std::bad_alloc{};
    }
    const auto natural = natural_widths(columns, rows, look);
    const auto shown = shown_columns(columns, natural, look);
    const auto widths = allotted_widths(columns, shown, natural, look);
    check(scols_table_set_column_separator(table.get(), "  "));
    check(scols_table_enable_noheadings(table.get(), look.legend ? 0 : 1));
    check(scols_table_enable_colors(table.get(), look.colour ? 1 : 0));
    check(scols_table_enable_nowrap(table.get(), 0));
    // What does not fit is wrapped already.
    check(scols_table_set_termforce(table.get(), SCOLS_TERMFORCE_NEVER));
    add_columns(table.get(), columns, shown);
    add_rows(table.get(), rows, shown, widths, look);
    char* text = nullptr;
    check(scols_print_table_to_string(table.get(), &text));
    const std::unique_ptr<char, decltype(&std::free)> owned{text, &std::free};
    return with_all(without_trailing_blanks(text), backslash_stand_in, "\\");
}

} // namespace virtpind::client
