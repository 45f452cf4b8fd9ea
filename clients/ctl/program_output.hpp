// SPDX-License-Identifier: LGPL-2.1-or-later
// What another program prints.
#pragma once

#include "common/base/result.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace virtpind::client {

// Runs the program `words.front()` of PATH and returns what it writes to standard output; it gets
// no input, and its errors are dropped. Blocks until it has ended, at most for `patience`; then it
// is killed. Errors: not_found, there is none; apply_failed, it fails; timed_out; limits_exceeded,
// it prints more than 16 MiB.
[[nodiscard]] Result<std::string> program_output(const std::vector<std::string>& words,
                                                 std::chrono::milliseconds patience);

} // namespace virtpind::client
