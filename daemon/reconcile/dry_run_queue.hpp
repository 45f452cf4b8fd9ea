// SPDX-License-Identifier: LGPL-2.1-or-later
// The plans that callers ask for (dry runs), one after the other. Every local user may ask, and one
// plan takes milliseconds of the main thread. So their number is bounded, and after each plan the
// thread is free for at least as long as the plan took. Every other plan is for root or the
// service's own user while they wait for any. Main thread.
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

    // Whether another plan of this user would be accepted. Error: limits_exceeded.
    [[nodiscard]] Result<void> check_slot(uid_t user) const;

    // `make` runs later and calls `done` once, when the caller is answered; until then the plan
    // counts. Error: as check_slot(); then `make` does not run.
    [[nodiscard]] Result<void> add(uid_t user, std::function<void(Done)> make);

    // Another turn, for the rest of a plan that is under way. `make` runs later.
    void go_on(uid_t user, std::function<void()> make);

private:
    using Clock = std::chrono::steady_clock;

    void make_next();
    void schedule();

    std::deque<std::function<void()>> first_; // of users with a share of their own
    std::deque<std::function<void()>> waiting_;
    bool first_has_its_turn_ = true;
    Places under_way_{has_own_share}; // including plans that wait
    Clock::time_point not_before_{};
    loop::Timer next_;
};

} // namespace virtpind
