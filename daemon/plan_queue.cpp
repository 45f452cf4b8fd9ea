// SPDX-License-Identifier: LGPL-2.1-or-later
#include "plan_queue.hpp"

#include <algorithm>
#include <utility>

namespace virtpind {

namespace {

constexpr const char* what = "plans are being made";

} // namespace

Result<void> PlanQueue::check_room(const std::string& caller) const
{
    if (under_way_.full(caller)) {
        return under_way_.exhausted(what, caller);
    }
    return {};
}

Result<void> PlanQueue::add(const std::string& caller, std::function<void(Done)> make)
{
    if (under_way_.take(caller) == Places::Taken::full) {
        return under_way_.exhausted(what, caller);
    }
    waiting_.emplace_back([this, caller, make = std::move(make)] {
        make([this, caller] { under_way_.give_back(caller); });
    });
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

} // namespace virtpind
