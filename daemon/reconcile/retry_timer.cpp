// SPDX-License-Identifier: LGPL-2.1-or-later
#include "retry_timer.hpp"

#include "outcome.hpp"

#include <algorithm>
#include <chrono>
#include <optional>

namespace virtpind {

namespace {

using Clock = std::chrono::steady_clock;

std::optional<Clock::time_point> earliest_retry(const Records& records)
{
    std::optional<Clock::time_point> earliest;
    for (const auto& [uuid, record] : records) {
        if (record.retry_at != Clock::time_point{} && (!earliest || record.retry_at < *earliest)) {
            earliest = record.retry_at;
        }
    }
    return earliest;
}

} // namespace

void RetryTimer::schedule(const Records& records)
{
    if (failed_passes_ > 0) {
        timer_.start(retry_delay(failed_passes_));
        return;
    }
    if (const auto earliest = earliest_retry(records)) {
        const auto wait =
            std::max(*earliest - Clock::now(), Clock::duration{std::chrono::milliseconds{1}});
        timer_.start(std::chrono::duration_cast<std::chrono::microseconds>(wait));
    }
}

} // namespace virtpind
