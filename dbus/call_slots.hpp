// SPDX-License-Identifier: LGPL-2.1-or-later
// How many calls, of how many bytes, may be open: read, and not yet answered. Bounded per
// connection, per user, and for all users together but root and the service's own, who have a share
// of their own. A connection without an open call is let in with a small one, however full it is:
// nobody can keep others out, and of connections there are no more than the bus allows. Main
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

    // As many as the system bus lets one connection wait for.
    static constexpr std::size_t per_connection_max = 128;
    static constexpr Load per_user_max{.calls = 256, .bytes = 1 << 20};
    static constexpr Load in_all_max{.calls = 1024, .bytes = 4 << 20};
    // What is always let in of a connection that has nothing open.
    static constexpr std::size_t small_bytes = 1024;
    // Calls of one user that expect no answer, of which the bus keeps no account; but one of each
    // connection, and of who has a share of its own as many as others.
    static constexpr std::size_t unheard_max = 16;

    struct Call {
        std::optional<uid_t> user; // not yet known: these are counted as those of one more user
        std::string sender;        // unique bus name
        std::size_t bytes = 0;
        bool expects_answer = true;
    };

    // Given back when the last copy ends, which may be after the end of the slots.
    using Place = std::shared_ptr<const void>;

    explicit CallSlots(bool (*own_share)(uid_t));

    // Error: limits_exceeded.
    [[nodiscard]] Result<Place> take(const Call& call);

    // Whether one more that expects no answer would be refused.
    [[nodiscard]] bool is_full_of_unheard(const std::optional<uid_t>& user,
                                          const std::string& sender) const;

private:
    struct Books;

    std::shared_ptr<Books> books_;
};

} // namespace virtpind::bus
