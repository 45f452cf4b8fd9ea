// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dry_run_queue.hpp"

#include <algorithm>
#include <utility>

namespace virtpind {

namespace {

constexpr const char* what = "plans are being made";

} // namespace

Result<void> DryRunQueue::check_slot(uid_t user) const
{
    if (under_way_.full(user)) {
        return under_way_.exhausted(what, user);
    }
    return {};
}

Result<void> DryRunQueue::add(uid_t user, std::function<void(Done)> make)
{
    if (under_way_.take(user) == Places::Taken::full) {
        return under_way_.exhausted(what, user);
    }
    go_on(user, [this, user, make = std::move(make)] {
        make([this, user] { under_way_.give_back(user); });
    });
    return {};
}

void DryRunQueue::go_on(uid_t user, std::function<void()> make)
{
    auto& queue = has_own_share(user) ? first_ : waiting_;
    queue.push_back(std::move(make));
    schedule();
}

void DryRunQueue::schedule()
{
    if ((first_.empty() && waiting_.empty()) || next_.running()) {
        return;
    }
    const auto wait = std::max(not_before_ - Clock::now(), Clock::duration{0});
    next_.start(std::chrono::duration_cast<std::chrono::microseconds>(wait));
}

void DryRunQueue::make_next()
{
    const auto from_first = waiting_.empty() || (!first_.empty() && first_has_its_turn_);
    first_has_its_turn_ = !from_first;
    auto& queue = from_first ? first_ : waiting_;
    const auto make = std::move(queue.front());
    queue.pop_front();
    const auto begin = Clock::now();
    make();
    const auto end = Clock::now();
    not_before_ = end + (end - begin);
    schedule();
}

} // namespace virtpind
