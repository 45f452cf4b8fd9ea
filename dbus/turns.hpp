// SPDX-License-Identifier: LGPL-2.1-or-later
// Answers that wait for their turn. The bus passes on one message after the other, and one
// connection may have more than a hundred calls under way: were each of them answered when it is
// read, everybody else would wait for all of them. So what takes long is answered later, one call
// per caller in turn; and who makes many calls at a time waits after each for some times as long as
// its answer took, which leaves the time to others. Main thread.
#pragma once

#include "common/result.hpp"

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>

namespace virtpind::bus {

class Turns {
public:
    using Clock = std::chrono::steady_clock;

    // As many as the system bus lets one connection wait for. When all have so many together, only
    // callers that wait for nothing yet are let in: of those there are no more than connections.
    static constexpr std::size_t per_caller_max = 128;
    static constexpr std::size_t in_all_max = 1024;
    // Who has more calls waiting waits so many times as long as the last answer took.
    static constexpr int rest = 3;

    // What is to be done when the turn comes, or, instead, when the caller has left the bus.
    // Neither may throw.
    struct Answer {
        std::function<void()> give;
        std::function<void()> drop;
    };

    explicit Turns(std::function<Clock::time_point()> now = Clock::now) : now_{std::move(now)} {}

    // Error: limits_exceeded, and nothing of the answer is called.
    [[nodiscard]] Result<void> add(const std::string& caller, Answer answer);
    // The caller left the bus.
    void forget(const std::string& caller);

    [[nodiscard]] bool empty() const { return waiting_.empty(); }

    // When the next one is due; not in the future: now. Precondition, here and below: not empty.
    [[nodiscard]] Clock::time_point due() const { return next()->second.due; }

    void take_next();

private:
    struct Caller {
        std::deque<Answer> answers;
        Clock::time_point due;
    };

    using Callers = std::map<std::string, Caller>;

    [[nodiscard]] Callers::const_iterator next() const;

    std::function<Clock::time_point()> now_;
    Callers waiting_; // none without answers, except while its last one is given
    std::size_t in_all_ = 0;
};

} // namespace virtpind::bus
