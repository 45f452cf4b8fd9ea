// SPDX-License-Identifier: LGPL-2.1-or-later
// The plans that callers ask for (dry runs), one after the other. Everybody may ask, and one takes
// milliseconds of the thread that serves all: so there are few at a time, and between two of them
// at least as long is left for everything else as the former took. Main thread.
#pragma once

#include "common/result.hpp"
#include "daemon/loop/event_loop.hpp"

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <string>

namespace virtpind {

class PlanQueue {
public:
    static constexpr std::size_t per_caller_max = 2;
    static constexpr std::size_t in_all_max = 8;

    using Done = std::function<void()>;

    explicit PlanQueue(loop::EventLoop& loop) : next_{loop, [this] { make_next(); }} {}

    // `make` runs later and calls `done`, once, when the caller is answered; until then the plan
    // counts. Error: limits_exceeded, and `make` does not run.
    [[nodiscard]] Result<void> add(const std::string& caller, std::function<void(Done)> make);

private:
    using Clock = std::chrono::steady_clock;

    void make_next();
    void schedule();
    void finish(const std::string& caller);

    std::deque<std::function<void()>> waiting_;
    std::map<std::string, std::size_t> under_way_; // by caller; waiting ones included
    std::size_t in_all_ = 0;
    Clock::time_point not_before_{};
    loop::Timer next_;
};

} // namespace virtpind
