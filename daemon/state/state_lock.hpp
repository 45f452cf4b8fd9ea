// SPDX-License-Identifier: LGPL-2.1-or-later
// Only one process at a time uses a state directory: the daemon, or `virtpind restore`.
#pragma once

#include "common/base/result.hpp"
#include "common/base/unique_fd.hpp"

#include <filesystem>

namespace virtpind {

// The lock is held while the descriptor is open; the kernel releases it when the process ends for
// any reason. Errors: conflict when another process has it; not_persisted when opening the lock
// fails, and the caller must then do nothing: another process may have it.
[[nodiscard]] Result<loop::UniqueFd> lock_state(const std::filesystem::path& state_dir);

} // namespace virtpind
