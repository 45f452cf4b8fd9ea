// SPDX-License-Identifier: LGPL-2.1-or-later
// What the terminal is, and how output looks on it.
#pragma once

#include "clients/view/look.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace virtpind::client {

// What decides how a text looks.
struct TerminalFacts {
    bool out_is_terminal = false;
    std::size_t columns = 0; // of the terminal; 0: unknown
    std::size_t rows = 0;
    std::string codeset; // of the locale, "UTF-8"
    // A variable of the environment, or nullopt.
    std::function<std::optional<std::string>(const char* name)> variable;
};

// Colours by SYSTEMD_COLORS, else by NO_COLOR and TERM, else on a terminal only. The width of a
// terminal is COLUMNS, else its own; elsewhere it is unlimited.
[[nodiscard]] Look choose_look(const TerminalFacts& facts, bool legend);

// Of this process; sets its locale by the environment.
[[nodiscard]] TerminalFacts terminal_facts();

// Writes to standard output. A reader that has gone is no error: what was asked for is done all the
// same, and the rest is dropped. Returns false where the text cannot be written: a full disk.
[[nodiscard]] bool write_output(std::string_view text);

// The same by a pager ($SYSTEMD_PAGER, $PAGER, less) where the text is higher than the terminal.
[[nodiscard]] bool write_paged(std::string_view text, const TerminalFacts& facts);

// Whether the reader of standard output has gone.
[[nodiscard]] bool output_is_closed();

// Asks a question on the terminal; anything but y or yes is no. Without a terminal: nullopt.
[[nodiscard]] std::optional<bool> confirm(const std::string& question);

} // namespace virtpind::client
