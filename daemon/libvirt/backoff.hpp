// SPDX-License-Identifier: LGPL-2.1-or-later
// How long to wait before the next attempt to connect. Pure: time and chance come from outside.
#pragma once

#include <chrono>

namespace virtpind {

class Backoff {
public:
    using Clock = std::chrono::steady_clock;

    static constexpr std::chrono::milliseconds first{500};
    static constexpr std::chrono::milliseconds longest{30'000};

    void connected(Clock::time_point now) { connected_ = now; }

    // The pause after a failure or a loss: doubled each time up to `longest`, less up to a quarter
    // by chance (`random` in [0,1)), so that many hosts do not come back in step. A connection that
    // held for `longest` starts over.
    [[nodiscard]] std::chrono::milliseconds failed(Clock::time_point now, double random);

private:
    std::chrono::milliseconds next_ = first;
    Clock::time_point connected_ = Clock::time_point::max(); // max: not connected
};

} // namespace virtpind
