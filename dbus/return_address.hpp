// SPDX-License-Identifier: LGPL-2.1-or-later
// The address of a reply, without the call itself: a waiting call keeps a name and a number, not a
// message that may be large. Main thread.
#pragma once

#include "dbus/sdbus_compat.hpp"

#include <systemd/sd-bus.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace virtpind::bus {

struct MessageUnref {
    void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
};

using MessagePtr = std::unique_ptr<sd_bus_message, MessageUnref>;

class ReturnAddress {
public:
    // The address of a received call.
    explicit ReturnAddress(sd_bus_message* call);

    ReturnAddress(std::string sender, std::uint64_t number, bool wanted)
        : sender_{std::move(sender)}, number_{number}, wanted_{wanted}
    {}

    // Appends the values of a reply; negative: it failed.
    using Append = std::function<int(sd_bus_message*)>;

    // Each sends at once, or when the bus accepts it, unless no reply is expected. A value that
    // does not fit into a message (text that is not UTF-8) becomes an error, so that no caller
    // waits in vain. The loop detects a lost bus.
    void succeed(sd_bus* bus, const Append& append) const noexcept;
    void fail(sd_bus* bus, const sdbus::Error& error) const noexcept;

private:
    [[nodiscard]] MessagePtr call_again(sd_bus* bus) const;

    std::string sender_;
    std::uint64_t number_ = 0;
    bool wanted_ = false;
};

} // namespace virtpind::bus
