// SPDX-License-Identifier: LGPL-2.1-or-later
// The state directory and what lies in it, by descriptors. Whoever owns it may put anything there:
// links, pipes, directories of somebody else. So it is used by its owner only, root becomes that
// user first, and no name below it is followed. Any thread; blocks as long as the disk does.
#pragma once

#include "common/base/result.hpp"
#include "common/base/unique_fd.hpp"

#include <cstddef>
#include <filesystem>
#include <string>

namespace virtpind::host {

// For good, with all groups of that user; who is not root, or owns the directory already, stays who
// he is. Connections that are open stay those of root. Makes the directory where there is none.
// Errors: not_persisted.
[[nodiscard]] Result<void> become_owner_of(const std::filesystem::path& state_dir);

// Made for its owner only where there is none. Links are followed: the path is the administrator's.
// Errors: not_persisted, also when it belongs to another user than ours.
[[nodiscard]] Result<loop::UniqueFd> open_state_dir(const std::filesystem::path& state_dir);

// A directory right below `parent`; `shown` is its path for people. Errors: not_found when there is
// none, not_persisted for everything else: no directory, a link, another user's.
[[nodiscard]] Result<loop::UniqueFd> open_own_dir(int parent, const std::string& name,
                                                  const std::filesystem::path& shown);

// The whole content of a regular file right below `dir`. Errors: not_found (cannot be opened or
// read, a link), invalid_argument (no regular file), limits_exceeded.
[[nodiscard]] Result<std::string> read_own_file(int dir, const std::string& name,
                                                const std::filesystem::path& shown,
                                                std::size_t bytes_max);

} // namespace virtpind::host
