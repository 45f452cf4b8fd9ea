// SPDX-License-Identifier: LGPL-2.1-or-later
#include "printable.hpp"

#include "valid_text.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace virtpind {

namespace {

std::uint8_t byte_at(std::string_view text, std::size_t at)
{
    return static_cast<std::uint8_t>(text[at]);
}

// Length of the well-formed UTF-8 sequence at `at` (Unicode 15, table 3-7), 0 when there is none.
std::size_t sequence_length(std::string_view text, std::size_t at)
{
    struct Form {
        std::uint8_t first_min, first_max, second_min, second_max;
        std::size_t length;
    };

    static constexpr std::array<Form, 9> forms{{
        {0x00, 0x7F, 0x00, 0x00, 1},
        {0xC2, 0xDF, 0x80, 0xBF, 2},
        {0xE0, 0xE0, 0xA0, 0xBF, 3},
        {0xE1, 0xEC, 0x80, 0xBF, 3},
        {0xED, 0xED, 0x80, 0x9F, 3},
        {0xEE, 0xEF, 0x80, 0xBF, 3},
        {0xF0, 0xF0, 0x90, 0xBF, 4},
        {0xF1, 0xF3, 0x80, 0xBF, 4},
        {0xF4, 0xF4, 0x80, 0x8F, 4},
    }};
    const auto first = byte_at(text, at);
    for (const auto& form : forms) {
        if (first < form.first_min || first > form.first_max) {
            continue;
        }
        if (at + form.length > text.size()) {
            return 0;
        }
        for (std::size_t i = 1; i < form.length; ++i) {
            const auto next = byte_at(text, at + i);
            const auto low = i == 1 ? form.second_min : std::uint8_t{0x80};
            const auto high = i == 1 ? form.second_max : std::uint8_t{0xBF};
            if (next < low || next > high) {
                return 0;
            }
        }
        return form.length;
    }
    return 0;
}

// C0, DEL and C1 (U+0080 to U+009F), which terminals obey, and the line and bidirectional
// controls U+2028 to U+202E and U+2066 to U+2069, which make text read as another one.
bool is_control(std::string_view sequence)
{
    const auto first = byte_at(sequence, 0);
    if (sequence.size() == 1) {
        return first < 0x20 || first == 0x7F;
    }
    const auto second = byte_at(sequence, 1);
    if (sequence.size() == 2) {
        return first == 0xC2 && second < 0xA0;
    }
    if (sequence.size() == 3 && first == 0xE2) {
        const auto third = byte_at(sequence, 2);
        return (second == 0x80 && third >= 0xA8 && third <= 0xAE) ||
               (second == 0x81 && third >= 0xA6 && third <= 0xA9);
    }
    return false;
}

void append_escaped(std::string& out, std::string_view bytes)
{
    static constexpr std::string_view digits = "0123456789abcdef";
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        out += "\\x";
        out += digits[byte_at(bytes, i) >> 4U];
        out += digits[byte_at(bytes, i) & 0xFU];
    }
}

// `stays(sequence)`: whether a control character may stay.
template <class Stays>
std::string escaped(std::string_view text, std::size_t bytes_max, Stays stays)
{
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        const auto length = sequence_length(text, at);
        const auto sequence = text.substr(at, length == 0 ? 1 : length);
        if (out.size() + sequence.size() > bytes_max) {
            return out + "...";
        }
        if (length == 0 || (is_control(sequence) && !stays(sequence))) {
            append_escaped(out, sequence);
        } else {
            out += sequence;
        }
        at += sequence.size();
    }
    return out;
}

} // namespace

std::string printable(std::string_view text, std::size_t bytes_max)
{
    return escaped(text, bytes_max, [](std::string_view) { return false; });
}

std::string printable_lines(std::string_view text)
{
    return escaped(text, std::string::npos,
                   [](std::string_view control) { return control == "\n" || control == "\t"; });
}

std::string valid_text(std::string_view text)
{
    const auto plain = std::all_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<std::uint8_t>(c);
        return byte > 0 && byte < 0x80;
    });
    if (plain) { // nearly always, and some texts are long
        return std::string{text};
    }
    return escaped(text, std::string::npos,
                   [](std::string_view control) { return control.front() != '\0'; });
}

} // namespace virtpind
