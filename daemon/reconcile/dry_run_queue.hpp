// SPDX-License-Identifier: LGPL-2.1-or-later
// The plans that callers ask for (dry runs), one after the other. Everybody may ask, and one takes
// milliseconds of the thread that serves all: so there are few at a time, and between two of them
// at least as long is left for everything else as the former took. Every other one is of root or
// of the service's own user, as long as they want any. Main thread.
#pragma once

#include "common/base/quota.hpp"
#include "common/base/result.hpp"
#include "daemon/loop/event_loop.hpp"

#include <chrono>
#include <deque>
#include <functional>

namespace virtpind {

class DryRunQueue {
public:
    using Places = Quota<uid_t, 2, 8>; // by user

    using Done = std::function<void()>;

    explicit DryRunQueue(loop::EventLoop& loop) : next_{loop, [this] { make_next(); }} {}

    // Error: limits_exceeded: one more would be refused.
    [[nodiscard]] Result<void> check_slot(uid_t user) const;

    // `make` runs later and calls `done`, once, when the caller is answered; until then the plan
    // counts. Error: as check_slot(), and `make` does not run.
    [[nodiscard]] Result<void> add(uid_t user, std::function<void(Done)> make);

private:
    using Clock = std::chrono::steady_clock;

    void make_next();
    void schedule();

    std::deque<std::function<void()>> first_; // of those with a share of their own
    std::deque<std::function<void()>> waiting_;
    bool first_has_its_turn_ = true;
    Places under_way_{has_own_share}; // waiting ones included
    Clock::time_point not_before_{};
    loop::Timer next_;
};

} // namespace virtpind
