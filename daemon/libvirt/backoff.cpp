// SPDX-License-Identifier: LGPL-2.1-or-later
#include "backoff.hpp"

#include <algorithm>

namespace virtpind {

std::chrono::milliseconds Backoff::failed(Clock::time_point now, double random)
{
    constexpr double jitter = 0.25;
    if (connected_ <= now - longest) {
        next_ = first;
    }
    connected_ = Clock::time_point::max();
    const auto pause = next_;
    next_ = std::min(next_ * 2, longest);
    const auto part = 1.0 - jitter * random;
    return std::chrono::milliseconds{
        static_cast<std::chrono::milliseconds::rep>(static_cast<double>(pause.count()) * part)};
}

} // namespace virtpind
