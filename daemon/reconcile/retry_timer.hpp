// SPDX-License-Identifier: LGPL-2.1-or-later
// When the next pass is due because something failed: a whole pass, or single domains. Main thread.
#pragma once

#include "daemon/loop/event_loop.hpp"
#include "domain_record.hpp"

#include <functional>
#include <utility>

namespace virtpind {

class RetryTimer {
public:
    RetryTimer(loop::EventLoop& loop, std::function<void()> on_due)
        : timer_{loop, std::move(on_due)}
    {}

    void pass_failed() noexcept { ++failed_passes_; }

    void pass_planned() noexcept { failed_passes_ = 0; }

    // After a failed pass, with its back-off; else at the earliest time that a record asks for, if
    // any does.
    void schedule(const Records& records);

    void stop() { timer_.stop(); }

private:
    unsigned failed_passes_ = 0; // in a row
    loop::Timer timer_;
};

} // namespace virtpind
