// SPDX-License-Identifier: LGPL-2.1-or-later
// Calls that wait for their turn. The bus passes on one message after the other, and one user
// may have tens of thousands of open calls; if each were answered when it is read, all other
// users would wait for them. So calls are read at once and answered later: one per user in
// turn, and for each user one per connection in turn; every other turn belongs to users with a
// share of their own. A user with many calls waits after each reply for a multiple of its
// time, which leaves the time to others. This class does not limit the number of calls. Main
// thread.
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

    // A caller with more waiting calls waits this multiple of the time of its last reply: a user
    // with all its connections, and each connection of a user with a share of its own.
    static constexpr int rest = 3;

    // The caller: a user on a connection.
    struct Caller {
        uid_t user = 0;
        std::string name; // unique bus name
    };

    // Runs when the turn comes; dropped when the connection has left. It must not
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

    // The time of the next turn; never in the future. Precondition, here and below: not empty.
    [[nodiscard]] Clock::time_point due() const { return due_of(*next()); }

    void take_next();

private:
    struct Connection {
        std::deque<Job> jobs;
        Clock::time_point due; // earlier ones go first
    };

    // The queue of each user: it has a connection, and each connection has a call, except while the
    // last call runs.
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
    bool last_was_first_ = false; // of users with a share of their own
};

} // namespace virtpind::bus
