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

std::vector<Waiter> Waiters::take_all()
{
    auto all = std::exchange(running_, {});
    auto next = std::exchange(next_, {});
    all.insert(all.end(), std::make_move_iterator(next.begin()),
               std::make_move_iterator(next.end()));
    return all;
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
