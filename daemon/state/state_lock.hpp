// SPDX-License-Identifier: LGPL-2.1-or-later
// One process at a time works with a state directory: the daemon, or `virtpind restore`.
#pragma once

#include "common/base/result.hpp"
#include "common/base/unique_fd.hpp"

#include <filesystem>

namespace virtpind::host {

// Held as long as the descriptor is open; the kernel lets go of it when the process ends, however
// that comes about. Errors: conflict when another process has it; not_persisted when the lock
// cannot be opened, and then nothing must be done: another process may have it all the same.
[[nodiscard]] Result<loop::UniqueFd> lock_state(const std::filesystem::path& state_dir);

} // namespace virtpind::host
