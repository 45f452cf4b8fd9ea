// SPDX-License-Identifier: LGPL-2.1-or-later
// How many vCPUs of running domains may still be moved to tidy up (PlanRequest::tidy_vcpus): a
// fixed number a minute, so that guests that come and go by the dozen do not keep the others on the
// move. The time is given.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>

namespace virtpind {

class TidyAllowance {
public:
    using Time = std::chrono::steady_clock::time_point;

    static constexpr std::size_t vcpus_max = 64;
    static constexpr std::chrono::seconds within{60};

    [[nodiscard]] std::size_t left(Time now) const;

    // As planned, applied or not: what failed is not tried again at once.
    void spend(Time now, std::size_t vcpus);

private:
    struct Spent {
        Time when;
        std::size_t vcpus = 0;
    };

    std::deque<Spent> spent_; // oldest first; at most vcpus_max, each of one vCPU or more
};

} // namespace virtpind
