// SPDX-License-Identifier: LGPL-2.1-or-later
// The state directory and its contents, by descriptors. Its owner may put anything there: links,
// pipes, directories of other users. So only its owner uses it, root switches to that user first,
// and no link below it is followed. Any thread; blocks as long as the disk does.
#pragma once

#include "common/base/result.hpp"
#include "common/base/unique_fd.hpp"

#include <cstddef>
#include <filesystem>
#include <string>

namespace virtpind {

// If root, switches to the owner of the directory, with all groups of that user, for good. Open
// connections stay those of root. Creates the directory if it does not exist. Errors:
// not_persisted.
[[nodiscard]] Result<void> become_owner_of(const std::filesystem::path& state_dir);

// Creates it for its owner only, if it does not exist. Follows links: the path is the
// administrator's. Errors: not_persisted, also when it belongs to another user.
[[nodiscard]] Result<loop::UniqueFd> open_state_dir(const std::filesystem::path& state_dir);

// A directory right below `parent`; `shown` is its path for people. Errors: not_found when it does
// not exist, not_persisted otherwise: not a directory, a link, or another user's.
[[nodiscard]] Result<loop::UniqueFd> open_own_dir(int parent, const std::string& name,
                                                  const std::filesystem::path& shown);

// The whole content of a regular file right below `dir`. Errors: not_found (failed to open or read
// it, a link), invalid_argument (not a regular file), limits_exceeded.
[[nodiscard]] Result<std::string> read_own_file(int dir, const std::string& name,
                                                const std::filesystem::path& shown,
                                                std::size_t bytes_max);

} // namespace virtpind
