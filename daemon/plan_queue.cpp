// SPDX-License-Identifier: LGPL-2.1-or-later
#include "plan_queue.hpp"

#include <algorithm>
#include <utility>

namespace virtpind {

Result<void> PlanQueue::add(const std::string& caller, std::function<void(Done)> make)
{
    if (const auto own = under_way_.find(caller);
        own != under_way_.end() && own->second >= per_caller_max) {
        return Error{.code = Errc::limits_exceeded,
                     .message = std::to_string(per_caller_max) +
                                " plans are being made for you already; wait for their answers"};
    }
    if (in_all_ >= in_all_max) {
        return Error{.code = Errc::limits_exceeded,
                     .message = std::to_string(in_all_max) +
                                " plans are being made already; ask again in a moment"};
    }
    ++under_way_[caller];
    ++in_all_;
    waiting_.emplace_back(
        [this, caller, make = std::move(make)] { make([this, caller] { finish(caller); }); });
    schedule();
    return {};
}

void PlanQueue::schedule()
{
    if (waiting_.empty() || next_.running()) {
        return;
    }
    const auto wait = std::max(not_before_ - Clock::now(), Clock::duration{0});
    next_.start(std::chrono::duration_cast<std::chrono::microseconds>(wait));
}

void PlanQueue::make_next()
{
    const auto make = std::move(waiting_.front());
    waiting_.pop_front();
    const auto begin = Clock::now();
    make();
    const auto end = Clock::now();
    not_before_ = end + (end - begin);
    schedule();
}

void PlanQueue::finish(const std::string& caller)
{
    --in_all_;
    const auto own = under_way_.find(caller);
    if (--own->second == 0) {
        under_way_.erase(own);
    }
}

} // namespace virtpind
