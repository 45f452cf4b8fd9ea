// SPDX-License-Identifier: LGPL-2.1-or-later
// Small files of the kernel as values with a reason where they are not there. Any thread; blocking.
#pragma once

#include "common/model/host_facts.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace virtpind {

// The text of a file without the blanks behind it. The reason names the file.
[[nodiscard]] Measured<std::string> read_word(const std::filesystem::path& root,
                                              const std::filesystem::path& file);

// The same, and `absent` where there is no such file: the kernel was built without the matter.
[[nodiscard]] Measured<std::string> read_word_or(const std::filesystem::path& root,
                                                 const std::filesystem::path& file,
                                                 std::string absent);

// The word in brackets: "always [madvise] never".
[[nodiscard]] std::string chosen_word(const std::string& words);

// Names in a folder, sorted, at most `names_max`; empty where it cannot be read.
[[nodiscard]] std::vector<std::string> names_in(const std::filesystem::path& folder,
                                                std::size_t names_max = 65536);

// Running daemons, by the names that the kernel has for them (15 bytes), that are of the owner of
// /proc.
[[nodiscard]] Measured<std::vector<std::string>>
read_daemons(const std::filesystem::path& root, const std::vector<std::string>& wanted);

// Lines of libvirt's hooks that move threads or CPUs; comments are none.
[[nodiscard]] Measured<std::vector<HookLine>> read_hooks(const std::filesystem::path& root);

} // namespace virtpind
