// SPDX-License-Identifier: LGPL-2.1-or-later
// The configuration on the disk: one file, and those in the directory conf.d beside it. Blocking.
#pragma once

#include "common/base/result.hpp"
#include "config.hpp"
#include "config_json.hpp"

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace virtpind {

// Besides config_bytes_max for each file.
inline constexpr std::size_t config_files_max = 64;              // in conf.d
inline constexpr std::size_t config_all_bytes_max = 1024 * 1024; // of all files together

enum class MissingFile { is_error, is_default };

// The file, if it is there, and then every file in conf.d whose name ends with ".json" and does not
// begin with a dot, ascending by the bytes of the names. Error: invalid_config, naming the file.
[[nodiscard]] Result<std::vector<ConfigText>> read_config_texts(const std::filesystem::path& path,
                                                                MissingFile missing);

// parse_config() of these.
[[nodiscard]] Result<Config> read_config_files(const std::filesystem::path& path,
                                               MissingFile missing);

} // namespace virtpind
