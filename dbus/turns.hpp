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

namespace virtpind::bus {

class Turns {
public:
    using Clock = std::chrono::steady_clock;

    // As many as the system bus lets one connection wait for.
    static constexpr std::size_t per_caller_max = 128;
    static constexpr std::size_t in_all_max = 4096;

    // `answer` runs later, or never if the caller leaves the bus before. It must not throw. Error:
    // limits_exceeded, and it does not run.
    [[nodiscard]] Result<void> add(const std::string& caller, std::function<void()> answer);
    void forget(const std::string& caller);

    [[nodiscard]] bool empty() const { return waiting_.empty(); }

    // When the next one is due; in the past: now. Precondition, here and below: not empty.
    [[nodiscard]] Clock::time_point due() const { return next()->second.due; }

    void take_next();

private:
    struct Caller {
        std::deque<std::function<void()>> answers;
        Clock::time_point due;
    };

    using Callers = std::map<std::string, Caller>;

    [[nodiscard]] Callers::const_iterator next() const;

    Callers waiting_; // none without answers
    std::size_t in_all_ = 0;
};

} // namespace virtpind::bus
