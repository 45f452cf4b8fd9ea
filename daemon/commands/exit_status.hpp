// SPDX-License-Identifier: LGPL-2.1-or-later
// What the commands tell the shell, and how much of an error they print.
#pragma once

#include <cstddef>

namespace virtpind {

enum ExitStatus {
    exit_good = 0,
    exit_failed = 1,      // libvirt or the system refused
    exit_bad_input = 2,   // an argument or a file is wrong
    exit_unsatisfied = 3, // a domain gets less than its policy asks for; the doctor
                          // found something
};

inline constexpr std::size_t message_bytes_max = 4096;

} // namespace virtpind
