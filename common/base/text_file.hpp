// SPDX-License-Identifier: LGPL-2.1-or-later
// Small files as text. Any thread; blocks as long as the disk does.
#pragma once

#include "result.hpp"

#include <cstddef>
#include <filesystem>
#include <string>

namespace virtpind {

// The whole content of a file. Blocking. Errors: not_found (cannot be opened or read),
// limits_exceeded.
[[nodiscard]] Result<std::string> read_text_file(const std::filesystem::path& path,
                                                 std::size_t bytes_max);

// The same for an open file; `file` is its name for people.
[[nodiscard]] Result<std::string> read_text(int fd, const std::string& file, std::size_t bytes_max);

// The id of the current boot; empty if unknown.
[[nodiscard]] std::string read_boot_id();

} // namespace virtpind
