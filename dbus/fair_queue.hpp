// SPDX-License-Identifier: LGPL-2.1-or-later
// Calls that wait for their turn. The bus passes on one message after the other, and one user may
// have tens of thousands of calls under way: were each of them answered when it is read, everybody
// else would wait for all of them. So calls are read at once and answered later, one per user in
// turn, and for a user one per connection in turn; every other turn is of those with a share of
// their own, if they want it. Who makes many calls at a time waits after each for some times as
// long as its answer took, which leaves the time to others. How many may wait is not decided here.
// Main thread.
#pragma once

#include "common/base/quota.hpp"

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>

namespace virtpind::bus {

class FairQueue {
public:
    using Clock = std::chrono::steady_clock;

    // Who has more calls waiting waits so many times as long as the last answer took: for a user
    // all connections together, for those with a share of their own each connection.
    static constexpr int rest = 3;

    // Who called: a user by a connection.
    struct Caller {
        uid_t user = 0;
        std::string name; // unique bus name
    };

    // What is to be done when the turn comes; dropped when the connection has left. It must not
    // throw.
    using Job = std::function<void()>;

    explicit FairQueue(std::function<Clock::time_point()> now = Clock::now,
                       bool (*first)(uid_t) = has_own_share)
        : now_{std::move(now)}, first_{first}
    {}

    void add(const Caller& caller, Job job);
    // The connection left the bus.
    void forget(const std::string& name);

    [[nodiscard]] bool empty() const { return waiting_.empty(); }

    // When the next one is due; not in the future: now. Precondition, here and below: not empty.
    [[nodiscard]] Clock::time_point due() const { return due_of(*next()); }

    void take_next();

private:
    struct Connection {
        std::deque<Job> jobs;
        Clock::time_point due; // what was due before others, goes before them
    };

    // Of users; none without connections, and no connections without jobs, except while the last
    // one is given.
    struct User {
        std::map<std::string, Connection> connections;
        Clock::time_point due;
    };

    using Users = std::map<uid_t, User>;

    [[nodiscard]] static const std::pair<const std::string, Connection>& next_of(const User& user);
    [[nodiscard]] static Clock::time_point due_of(const Users::value_type& user);
    [[nodiscard]] const Users::value_type* next() const;
    void rest_after(const Caller& caller, Clock::duration took);

    std::function<Clock::time_point()> now_;
    bool (*first_)(uid_t);
    Users waiting_;
    bool last_was_first_ = false; // of those with a share of their own
};

} // namespace virtpind::bus
