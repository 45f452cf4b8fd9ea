// SPDX-License-Identifier: LGPL-2.1-or-later
// Notices that the wall clock was set or the machine resumed from suspend, by a timer that the
// kernel then cancels. During suspend, CPUs may go or come without events. Best effort: the
// periodic pass notices it, too. Main thread.
#pragma once

#include "common/base/unique_fd.hpp"
#include "daemon/loop/event_loop.hpp"

#include <sys/types.h>

#include <functional>

namespace virtpind {

class ClockWatch {
public:
    ClockWatch(loop::EventLoop& loop, std::function<void()> on_jump);

    // Whether the kernel supports this.
    [[nodiscard]] bool works() const noexcept { return static_cast<bool>(timer_); }

private:
    void on_readable();

    std::function<void()> on_jump_;
    loop::UniqueFd timer_;
    loop::Source source_;
};

// Whether reading the timer, which returned `got` and set errno to `error`, reports a jump.
[[nodiscard]] bool is_clock_jump(ssize_t got, int error);

} // namespace virtpind
