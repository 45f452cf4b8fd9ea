// SPDX-License-Identifier: LGPL-2.1-or-later
#include "look.hpp"

#include <array>

namespace virtpind::client {

namespace {

struct MarkRow {
    std::string_view utf8;
    std::string_view ascii;
    Colour colour;
};

// In the order of Mark.
constexpr std::array<MarkRow, 9> mark_table{{
    {"●", "*", Colour::green},
    {"▲", "!", Colour::yellow},
    {"✗", "x", Colour::red},
    {"○", "-", Colour::grey},
    {"◆", "#", Colour::grey},
    {"◇", "=", Colour::yellow},
    {"…", "~", Colour::yellow},
    {"✓", "+", Colour::green},
    {"·", ".", Colour::grey},
}};

} // namespace

std::string_view mark_text(Mark mark, const Look& look)
{
    const auto& row = mark_table.at(static_cast<std::size_t>(mark));
    return look.utf8 ? row.utf8 : row.ascii;
}

Colour mark_colour(Mark mark)
{
    return mark_table.at(static_cast<std::size_t>(mark)).colour;
}

std::string_view colour_sequence(Colour colour)
{
    switch (colour) {
    case Colour::none:
        return "";
    case Colour::green:
        return "\033[32m";
    case Colour::yellow:
        return "\033[33m";
    case Colour::red:
        return "\033[31m";
    case Colour::grey:
        return "\033[90m";
    case Colour::bold:
        return "\033[1m";
    }
    return "";
}

std::string paint(std::string_view text, Colour colour, const Look& look)
{
    if (!look.colour || colour == Colour::none || text.empty()) {
        return std::string{text};
    }
    return std::string{colour_sequence(colour)} + std::string{text} + "\033[0m";
}

std::string painted_mark(Mark mark, const Look& look)
{
    return paint(mark_text(mark, look), mark_colour(mark), look);
}

} // namespace virtpind::client
