// SPDX-License-Identifier: LGPL-2.1-or-later
#include "clock_watch.hpp"

#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <cerrno>
#include <cstdint>
#include <ctime>
#include <limits>

namespace virtpind {

namespace {

// At the end of time: it is never due, only cancelled.
bool arm(int timer)
{
    itimerspec never{};
    never.it_value.tv_sec = std::numeric_limits<time_t>::max();
    return ::timerfd_settime(timer, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, nullptr) ==
           0;
}

loop::UniqueFd open_timer()
{
    loop::UniqueFd timer{::timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK)};
    return timer && arm(timer.get()) ? std::move(timer) : loop::UniqueFd{};
}

} // namespace

ClockWatch::ClockWatch(loop::EventLoop& loop, std::function<void()> on_jump)
    : on_jump_{std::move(on_jump)}, timer_{open_timer()}
{
    if (timer_) {
        source_ = loop.watch_fd(timer_.get(), EPOLLIN, loop::Priority::host,
                                [this](std::uint32_t) { on_readable(); });
    }
}

void ClockWatch::on_readable()
{
    std::uint64_t expirations = 0;
    const auto got = ::read(timer_.get(), &expirations, sizeof expirations);
    if (!is_clock_jump(got, errno)) {
        return;
    }
    arm(timer_.get()); // whatever the kernel has left of it
    on_jump_();
}

bool is_clock_jump(ssize_t got, int error)
{
    return got < 0 && error == ECANCELED;
}

} // namespace virtpind
