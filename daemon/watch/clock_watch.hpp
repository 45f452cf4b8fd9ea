// SPDX-License-Identifier: LGPL-2.1-or-later
// Notices that the wall clock was set or the machine woke from suspend, by a timer that the kernel
// cancels then. While it slept, CPUs may have gone or come, and events were not sent. Best effort,
// as the others: the periodic pass finds out, too. Main thread.
#pragma once

#include "common/base/unique_fd.hpp"
#include "daemon/loop/event_loop.hpp"

#include <sys/types.h>

#include <functional>

namespace virtpind::host {

class ClockWatch {
public:
    ClockWatch(loop::EventLoop& loop, std::function<void()> on_jump);

    // Whether the kernel does this.
    [[nodiscard]] bool works() const noexcept { return static_cast<bool>(timer_); }

private:
    void on_readable();

    std::function<void()> on_jump_;
    loop::UniqueFd timer_;
    loop::Source source_;
};

// Whether reading the timer, which returned `got` and left `error` in errno, tells of a jump.
[[nodiscard]] bool is_clock_jump(ssize_t got, int error);

} // namespace virtpind::host
