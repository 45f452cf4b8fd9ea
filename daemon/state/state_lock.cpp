// SPDX-License-Identifier: LGPL-2.1-or-later
#include "state_lock.hpp"

#include "common/base/messages.hpp"
#include "state_dir.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace virtpind {

namespace {

bool is_file(int fd)
{
    struct stat about {};

    return ::fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
}

} // namespace

Result<loop::UniqueFd> lock_state(const std::filesystem::path& state_dir)
{
    const auto dir = open_state_dir(state_dir);
    if (!dir) {
        return dir.error();
    }
    loop::UniqueFd lock{::openat(dir->get(), "lock",
                                 O_RDONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600)};
    const auto error = errno;
    if (!lock || !is_file(lock.get())) {
        return Error{.code = Errc::not_persisted,
                     .message = "failed to open the lock " +
                                path_in_quotes((state_dir / "lock").native()) + ": " +
                                (lock ? "it is not a regular file; remove it"
                                      : std::string{std::strerror(error)} +
                                            "; give it to the owner of the directory (chown -h), "
                                            "or remove it")};
    }
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        return Error{.code = Errc::conflict,
                     .message = "another virtpind uses " + path_in_quotes(state_dir.native()) +
                                "; stop it first (systemctl stop virtpind)"};
    }
    return lock;
}

} // namespace virtpind
