// SPDX-License-Identifier: LGPL-2.1-or-later
#include "waiters.hpp"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

namespace virtpind {

// Both count: who waits for a pass that comes to nothing waits for the next with those that have
// come.
Result<void> Waiters::check_slot() const
{
    if (next_.size() + running_.size() + kept_ < waiting_max) {
        return {};
    }
    return Error{.code = Errc::limits_exceeded,
                 .message = std::to_string(waiting_max) +
                            " requests wait for a pass already; wait for the answers to those "
                            "you made"};
}

void Waiters::put_off()
{
    next_.insert(next_.begin(), std::make_move_iterator(running_.begin()),
                 std::make_move_iterator(running_.end()));
    running_.clear();
}

void Waiters::put_off(const DomainUuid& uuid)
{
    const auto others =
        std::stable_partition(running_.begin(), running_.end(), [&uuid](const Waiter& waiter) {
            return waiter.uuid && *waiter.uuid != uuid;
        });
    next_.insert(next_.begin(), std::make_move_iterator(others),
                 std::make_move_iterator(running_.end()));
    running_.erase(others, running_.end());
}

void Waiters::end_pass(const std::optional<Error>& failure,
                       const std::function<Result<void>(const DomainUuid&)>& result)
{
    for (const auto& waiter : std::exchange(running_, {})) {
        if (failure) {
            waiter.reply(*failure);
        } else {
            waiter.reply(waiter.uuid ? result(*waiter.uuid) : Result<void>{});
        }
    }
}

void Waiters::refuse_all(const Error& why)
{
    for (const auto& waiters : {std::exchange(running_, {}), std::exchange(next_, {})}) {
        for (const auto& waiter : waiters) {
            waiter.reply(why);
        }
    }
}

bool Waiters::ask_for(const DomainUuid& uuid) const
{
    return std::any_of(running_.begin(), running_.end(), [&uuid](const Waiter& waiter) {
        return waiter.uuid && *waiter.uuid == uuid;
    });
}

bool Waiters::want(const DomainUuid& uuid) const
{
    return std::any_of(running_.begin(), running_.end(), [&uuid](const Waiter& waiter) {
        return !waiter.uuid || *waiter.uuid == uuid;
    });
}

bool Waiters::ask_for_one() const
{
    return std::any_of(running_.begin(), running_.end(),
                       [](const Waiter& waiter) { return waiter.uuid.has_value(); });
}

} // namespace virtpind
