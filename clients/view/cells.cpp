// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cells.hpp"

#include <wchar.h>

#include <algorithm>
#include <array>
#include <clocale>
#include <cwchar>
#include <utility>

namespace virtpind::client {

namespace {

// The C library has it built in.
locale_t utf8_locale()
{
    static const auto made = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    return made;
}

struct Character {
    std::size_t bytes = 1;
    std::size_t cells = 1;
};

// The character at the beginning of `text`, which is not empty. Needs a Utf8Locale.
Character first_character(std::string_view text)
{
    std::mbstate_t state{};
    wchar_t decoded = 0;
    const auto bytes = std::mbrtowc(&decoded, text.data(), text.size(), &state);
    if (bytes == 0 || bytes > text.size()) { // NUL, or no UTF-8: the values have none
        return {};
    }
    const auto cells = wcwidth(decoded);
    return {bytes, cells < 0 ? 1U : static_cast<std::size_t>(cells)};
}

// The beginning of `text` that has at most `width` cells.
std::string_view beginning(std::string_view text, std::size_t width)
{
    const Utf8Locale utf8;
    std::size_t cells = 0;
    std::size_t at = 0;
    while (at < text.size()) {
        const auto next = first_character(text.substr(at));
        if (cells + next.cells > width) {
            break;
        }
        cells += next.cells;
        at += next.bytes;
    }
    return text.substr(0, at);
}

constexpr std::array<std::pair<std::string_view, std::string_view>, 9> ascii_likes{{
    {"→", "->"},
    {"…", "..."},
    {"·", "."},
    {"│", "|"},
    {"–", "-"},
    {"—", "-"},
    {"‘", "'"},
    {"’", "'"},
    {"×", "x"},
}};

} // namespace

Utf8Locale::Utf8Locale() : before_{uselocale(utf8_locale())} {}

Utf8Locale::~Utf8Locale()
{
    uselocale(static_cast<locale_t>(before_));
}

std::size_t cell_width(std::string_view text)
{
    const Utf8Locale utf8;
    std::size_t cells = 0;
    while (!text.empty()) {
        const auto next = first_character(text);
        cells += next.cells;
        text.remove_prefix(next.bytes);
    }
    return cells;
}

std::string padded(std::string_view text, std::size_t width)
{
    const auto cells = cell_width(text);
    return std::string{text} + std::string(width > cells ? width - cells : 0, ' ');
}

std::string clipped(std::string_view text, std::size_t width, const Look& look)
{
    if (width == 0 || cell_width(text) <= width) {
        return std::string{text};
    }
    const auto ellipsis = mark_text(Mark::busy, look);
    return std::string{beginning(text, width - 1)} + std::string{ellipsis};
}

std::string in_charset(std::string_view text, const Look& look)
{
    if (look.utf8) {
        return std::string{text};
    }
    static constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        const auto rest = text.substr(at);
        const auto* like =
            std::find_if(ascii_likes.begin(), ascii_likes.end(), [rest](const auto& pair) {
                return rest.substr(0, pair.first.size()) == pair.first;
            });
        if (like != ascii_likes.end()) {
            out += like->second;
            at += like->first.size();
            continue;
        }
        const auto byte = static_cast<unsigned char>(text[at++]);
        if (byte < 0x80) {
            out += static_cast<char>(byte);
        } else {
            out += "\\x";
            out += digits[byte >> 4U];
            out += digits[byte & 0xFU];
        }
    }
    return out;
}

std::string paragraph(std::string_view first, std::string_view next, std::string_view text,
                      const Look& look)
{
    const auto shown = in_charset(text, look);
    const auto indent = cell_width(next);
    constexpr std::size_t readable_min = 12;
    const auto room =
        look.width == 0 ? shown.size() : std::max(look.width, indent + readable_min) - indent;
    std::string out{first};
    std::string line;
    std::string_view rest{shown};
    const auto end_line = [&] {
        line.erase(line.find_last_not_of(' ') + 1);
        out += line + "\n";
        out += rest.empty() ? "" : next;
        line.clear();
    };
    while (!rest.empty()) {
        auto word = rest.substr(0, rest.find(' '));
        const auto gap = line.empty() ? 0U : 1U;
        if (cell_width(line) + gap + cell_width(word) <= room) {
            line += (gap > 0 ? " " : "") + std::string{word};
        } else if (!line.empty()) {
            end_line();
            continue;
        } else { // longer than a line
            word = beginning(word, room);
            word = word.substr(0, word.find_last_of(',') + 1).empty()
                       ? word
                       : word.substr(0, word.find_last_of(',') + 1);
            line = word;
            rest.remove_prefix(word.size());
            end_line();
            continue;
        }
        rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    }
    return out + line + "\n";
}

std::string clipped_lines(std::string_view text, const Look& look)
{
    std::string out;
    while (!text.empty()) {
        const auto line = text.substr(0, text.find('\n'));
        out += clipped(in_charset(line, look), look.width, look) + "\n";
        text.remove_prefix(std::min(text.size(), line.size() + 1));
    }
    return out;
}

} // namespace virtpind::client
