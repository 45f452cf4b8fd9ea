// SPDX-License-Identifier: LGPL-2.1-or-later
// Limits the calls, and their bytes, that are open: read and not yet answered. The limits are
// per connection, per user, and for all users together except root and the service's own user,
// who have a share of their own. A connection without an open call may always send a small
// one, so that no user can keep others out; the bus limits the number of connections. Main
// thread.
#pragma once

#include "common/base/result.hpp"

#include <sys/types.h>

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace virtpind::bus {

class CallSlots {
public:
    struct Load {
        std::size_t calls = 0;
        std::size_t bytes = 0;
    };

    // The limit of the system bus for one connection.
    static constexpr std::size_t per_connection_max = 128;
    static constexpr Load per_user_max{.calls = 256, .bytes = 2 << 20};
    static constexpr Load in_all_max{.calls = 1024, .bytes = 8 << 20};
    // The size of a call that is always let in from a connection without open calls.
    static constexpr std::size_t small_bytes = 1024;
    // Calls of one user that expect no reply, which the bus does not count. One of each connection
    // is always let in; users with a share of their own have no limit.
    static constexpr std::size_t unheard_max = 16;

    struct Call {
        std::optional<uid_t> user; // absent: not yet known; all unknown users count as one
        std::string sender;        // unique bus name
        std::size_t bytes = 0;
        bool expects_answer = true;
    };

    // Released when its last copy ends, which may be after the end of the slots.
    using Place = std::shared_ptr<const void>;

    explicit CallSlots(bool (*own_share)(uid_t));

    // Error: limits_exceeded.
    [[nodiscard]] Result<Place> take(const Call& call);

    // Whether one more call that expects no reply would be refused.
    [[nodiscard]] bool is_full_of_unheard(const std::optional<uid_t>& user,
                                          const std::string& sender) const;

private:
    struct Books;

    std::shared_ptr<Books> books_;
};

} // namespace virtpind::bus
