// SPDX-License-Identifier: LGPL-2.1-or-later
// The calls to the disk that can be met by a fault (fault_plan.hpp).
#include "fault_plan.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>

using fault::done;
using fault::is_kill_awaited;
using fault::meets_fault;
using fault::open_file;
using fault::write_file;

// NOLINTBEGIN(readability-identifier-naming,readability-inconsistent-declaration-parameter-name)

// Of a regular file that is not the log; and whatever carries the request that is waited for.
extern "C" ssize_t write(int fd, const void* data, std::size_t size)
{
    if (!is_kill_awaited()) {
        struct stat about {};

        const auto is_state =
            fd > STDERR_FILENO && ::fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
        if (!is_state) {
            return write_file(fd, data, size);
        }
        if (meets_fault("write")) {
            errno = ENOSPC;
            return -1;
        }
        if (is_kill_awaited()) {
            done(write_file(fd, data, size / 2));
        }
        return write_file(fd, data, size);
    }
    const auto written = write_file(fd, data, size);
    const auto error = errno;

    struct stat about {};

    if (written > 0 && ::fstat(fd, &about) == 0 && S_ISSOCK(about.st_mode)) {
        fault::kill_after_request();
    }
    errno = error;
    return written;
}

namespace {

// Files that may be new meet faults; others are only looked at.
int open_or_refuse(int dir, const char* path, int flags, mode_t mode)
{
    if ((flags & O_CREAT) == 0) {
        return open_file(path, flags, mode, dir);
    }
    if (meets_fault("open")) {
        errno = EACCES;
        return -1;
    }
    return done(open_file(path, flags, mode, dir));
}

// The argument behind `flags`, which callers pass only for a file that may be new.
mode_t mode_of(int flags, va_list rest)
{
    return (flags & O_CREAT) == 0 ? 0 : va_arg(rest, mode_t);
}

} // namespace

// The daemon's own name for open().
extern "C" int open64(const char* path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    const auto mode = mode_of(flags, rest);
    va_end(rest);
    return open_or_refuse(AT_FDCWD, path, flags, mode);
}

extern "C" int openat64(int dir, const char* path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    const auto mode = mode_of(flags, rest);
    va_end(rest);
    return open_or_refuse(dir, path, flags, mode);
}

extern "C" int mkdirat(int dir, const char* path, mode_t mode) noexcept
{
    if (meets_fault("mkdir")) {
        errno = ENOSPC;
        return -1;
    }
    return done(static_cast<int>(::syscall(SYS_mkdirat, dir, path, mode)));
}

extern "C" int mkdir(const char* path, mode_t mode) noexcept
{
    if (meets_fault("mkdir")) {
        errno = ENOSPC;
        return -1;
    }
    return done(static_cast<int>(::syscall(SYS_mkdirat, AT_FDCWD, path, mode)));
}

extern "C" int fsync(int fd)
{
    if (meets_fault("fsync")) {
        errno = EIO;
        return -1;
    }
    return done(REAL(fsync)(fd));
}

extern "C" int rename(const char* from, const char* to) noexcept
{
    if (meets_fault("rename")) {
        errno = ENOSPC;
        return -1;
    }
    return done(REAL(rename)(from, to));
}

extern "C" int unlink(const char* path) noexcept
{
    if (meets_fault("unlink")) {
        errno = EROFS;
        return -1;
    }
    return done(REAL(unlink)(path));
}

extern "C" int renameat(int from_dir, const char* from, int to_dir, const char* to) noexcept
{
    if (meets_fault("rename")) {
        errno = ENOSPC;
        return -1;
    }
    return done(REAL(renameat)(from_dir, from, to_dir, to));
}

extern "C" int unlinkat(int dir, const char* path, int flags) noexcept
{
    if (meets_fault("unlink")) {
        errno = EROFS;
        return -1;
    }
    return done(REAL(unlinkat)(dir, path, flags));
}

extern "C" int remove(const char* path) noexcept
{
    if (meets_fault("remove")) {
        errno = EROFS;
        return -1;
    }
    return done(REAL(remove)(path));
}

// NOLINTEND(readability-identifier-naming,readability-inconsistent-declaration-parameter-name)
