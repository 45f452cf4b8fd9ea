// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/fair_queue.hpp"

#include <algorithm>
#include <utility>

namespace virtpind::bus {

void FairQueue::add(const Caller& caller, Job job)
{
    const auto now = now_();
    auto& user =
        waiting_.try_emplace(caller.user, User{.connections = {}, .due = now}).first->second;
    auto& connection =
        user.connections.try_emplace(caller.name, Connection{.jobs = {}, .due = now}).first->second;
    connection.jobs.push_back(std::move(job));
}

void FairQueue::forget(const std::string& name)
{
    for (auto user = waiting_.begin(); user != waiting_.end();) {
        user->second.connections.erase(name);
        user = user->second.connections.empty() ? waiting_.erase(user) : std::next(user);
    }
}

const std::pair<const std::string, FairQueue::Connection>& FairQueue::next_of(const User& user)
{
    return *std::min_element(
        user.connections.begin(), user.connections.end(),
        [](const auto& a, const auto& b) { return a.second.due < b.second.due; });
}

FairQueue::Clock::time_point FairQueue::due_of(const Users::value_type& user)
{
    return std::max(user.second.due, next_of(user.second).second.due);
}

// Of those that are due, every other one is of those that go first; of these and of the others, who
// has been due for longest.
const FairQueue::Users::value_type* FairQueue::next() const
{
    const Users::value_type* of_first = nullptr;
    const Users::value_type* of_others = nullptr;
    for (const auto& user : waiting_) {
        auto& best = first_(user.first) ? of_first : of_others;
        if (best == nullptr || due_of(user) < due_of(*best)) {
            best = &user;
        }
    }
    if (of_first == nullptr || of_others == nullptr) {
        return of_first != nullptr ? of_first : of_others;
    }
    const auto now = now_();
    const auto due_now = [now](const auto& user) { return due_of(user) <= now; };
    if (due_now(*of_first) && due_now(*of_others)) {
        return last_was_first_ ? of_others : of_first;
    }
    return due_of(*of_first) <= due_of(*of_others) ? of_first : of_others;
}

void FairQueue::take_next()
{
    const auto* const user = next();
    const Caller caller{.user = user->first, .name = next_of(user->second).first};
    auto& waiting = waiting_.at(caller.user).connections.at(caller.name).jobs;
    const auto answer = std::move(waiting.front());
    waiting.pop_front();
    last_was_first_ = first_(caller.user);

    const auto begin = now_();
    answer();
    rest_after(caller, now_() - begin);
}

// Everything is looked up anew: the answer may have taken the connection, or added calls.
void FairQueue::rest_after(const Caller& caller, Clock::duration took)
{
    const auto user = waiting_.find(caller.user);
    if (user == waiting_.end()) {
        return;
    }
    const auto due = now_() + rest * took;
    auto& connections = user->second.connections;
    if (const auto own = connections.find(caller.name); own != connections.end()) {
        if (own->second.jobs.empty()) {
            connections.erase(own);
        } else {
            own->second.due = due;
        }
    }
    if (connections.empty()) {
        waiting_.erase(user);
    } else if (!first_(caller.user)) {
        user->second.due = due;
    }
}

} // namespace virtpind::bus
