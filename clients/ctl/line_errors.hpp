// SPDX-License-Identifier: LGPL-2.1-or-later
// What is wrong with a command line, in words. Pure.
#pragma once

#include "common/base/result.hpp"

#include <string>
#include <vector>

namespace CLI {
class App;
class ParseError;
} // namespace CLI

namespace virtpind::client {

// invalid_argument: `what`, and that the help of `verb`, or of all where that is empty, says more.
[[nodiscard]] Error wrong(const std::string& what, const std::string& verb);

// What CLI11 found, in our words where it has none of its own for people.
[[nodiscard]] Error wrong_line(const CLI::App& app, const CLI::ParseError& error);

// The first word that is no option must be a verb: said here, CLI11 would speak of what follows.
[[nodiscard]] Result<void> check_first_word(const std::vector<std::string>& words);

} // namespace virtpind::client
