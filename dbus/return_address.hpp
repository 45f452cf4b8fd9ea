// SPDX-License-Identifier: LGPL-2.1-or-later
// Where the answer to a call goes, without the call itself: who waits for an answer keeps a name
// and a number, not a message that may be large. Main thread.
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
    // Of a call that was received.
    explicit ReturnAddress(sd_bus_message* call);

    ReturnAddress(std::string sender, std::uint64_t number, bool wanted)
        : sender_{std::move(sender)}, number_{number}, wanted_{wanted}
    {}

    // Appends the values of an answer; negative: it cannot be.
    using Append = std::function<int(sd_bus_message*)>;

    // Each sends at once, or when the bus takes it; nothing when nobody wants an answer. What
    // cannot be put into a message (text that is no UTF-8) becomes an error that says so: a caller
    // must not wait for nothing. A lost bus is found by the loop.
    void succeed(sd_bus* bus, const Append& append) const noexcept;
    void fail(sd_bus* bus, const sdbus::Error& error) const noexcept;

private:
    [[nodiscard]] MessagePtr call_again(sd_bus* bus) const;

    std::string sender_;
    std::uint64_t number_ = 0;
    bool wanted_ = false;
};

} // namespace virtpind::bus
