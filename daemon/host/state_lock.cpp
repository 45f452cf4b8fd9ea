// SPDX-License-Identifier: LGPL-2.1-or-later
#include "state_lock.hpp"

#include "common/words.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <cstring>

namespace virtpind::host {

Result<loop::UniqueFd> lock_state(const std::filesystem::path& state_dir)
{
    std::error_code error;
    std::filesystem::create_directories(state_dir, error);
    const auto path = state_dir / "lock";
    loop::UniqueFd lock{::open(path.c_str(), O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600)};
    if (!lock) {
        return Error{.code = Errc::not_persisted,
                     .message = "cannot open " + path_in_quotes(path.native()) + ": " +
                                std::strerror(errno)};
    }
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        return Error{.code = Errc::conflict,
                     .message = "another virtpind works with " + in_quotes(state_dir.native()) +
                                "; stop it first (systemctl stop virtpind)"};
    }
    return lock;
}

} // namespace virtpind::host
