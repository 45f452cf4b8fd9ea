// SPDX-License-Identifier: LGPL-2.1-or-later
// The wall clock that jumps when a plan says so (fault_plan.hpp), and its timers.
#include "fault_plan.hpp"

#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

// NOLINTBEGIN(readability-identifier-naming,readability-inconsistent-declaration-parameter-name)

extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept
{
    const auto status = static_cast<int>(::syscall(SYS_clock_gettime, clock, time));
    if (status == 0 && clock == CLOCK_REALTIME && fault::is_planned()) {
        time->tv_sec += fault::clock_offset_ms() / 1000;
    }
    return status;
}

extern "C" int timerfd_settime(int timer, int flags, const itimerspec* value,
                               itimerspec* former) noexcept
{
    if ((flags & TFD_TIMER_CANCEL_ON_SET) != 0) {
        fault::watch_clock(timer);
    }
    return static_cast<int>(::syscall(SYS_timerfd_settime, timer, flags, value, former));
}

extern "C" ssize_t read(int fd, void* data, std::size_t size)
{
    const auto got = ::syscall(SYS_read, fd, data, size);
    if (fault::clock_was_set(fd)) {
        errno = ECANCELED;
        return -1;
    }
    return got;
}

// NOLINTEND(readability-identifier-naming,readability-inconsistent-declaration-parameter-name)
