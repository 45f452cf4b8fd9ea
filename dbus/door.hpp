// SPDX-License-Identifier: LGPL-2.1-or-later
// Every message from the bus passes here before libsystemd or sdbus-c++ processes it. Calls that
// can be answered are checked, counted, and wait for the turn of their user; then they are
// queued again for reading, as if they had just arrived. Unwanted messages are dropped. Main
// thread.
#pragma once

#include "dbus/access.hpp"
#include "dbus/call_slots.hpp"
#include "dbus/fair_queue.hpp"
#include "dbus/raw_head.hpp"
#include "dbus/return_address.hpp"
#include "dbus/sdbus_compat.hpp"
#include "dbus/users.hpp"

#include <systemd/sd-bus.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace virtpind::bus {

class Door {
public:
    // All must outlive this; no turn is taken after its end. `own_share` tells which users have a
    // share of their own. Throws sdbus::Error.
    Door(sdbus::IConnection& connection, FairQueue& turns,
         bool (*own_share)(uid_t) = has_own_share);

    Door(const Door&) = delete;
    Door& operator=(const Door&) = delete;

    // Whether an unread message can be dropped, because no one needs it.
    [[nodiscard]] bool is_unwanted(const RawHead& head) const noexcept;

    // While a handler runs: the user of its call, and its place in the room. A later reply keeps
    // the place.
    [[nodiscard]] uid_t user() const { return inside_.user; }

    [[nodiscard]] CallSlots::Place place() const { return inside_.place; }

    // Writes queued messages, ends expired calls, and dispatches messages that were read before; it
    // reads nothing. Throws sdbus::Error when the bus is gone.
    void process_without_reading();

    void on_caller_vanished(const std::string& name);

private:
    using SharedMessage = std::shared_ptr<sd_bus_message>;

    // A checked call.
    struct Arrival {
        SharedMessage message;
        CallSlots::Call call;
    };

    struct Inside {
        uid_t user = nobody;
        CallSlots::Place place;
    };

    static int on_message(sd_bus_message* message, void* self, sd_bus_error* error) noexcept;
    [[nodiscard]] int receive(sd_bus_message* message);
    [[nodiscard]] int receive_call(sd_bus_message* message);
    void identify(Arrival arrival);
    void on_user(const std::string& sender, std::optional<uid_t> user);
    void queue(Arrival arrival, uid_t user);
    void let_in(sd_bus_message* message, Inside inside);
    void enqueue(sd_bus_message* message);

    // The calls of a connection until its user is known.
    struct Waiting {
        std::vector<std::pair<Arrival, CallSlots::Place>> arrivals;
    };

    sdbus::IConnection& connection_;
    sd_bus* bus_;
    FairQueue& turns_;
    CallSlots slots_;
    std::map<std::string, Waiting> unidentified_;
    Users users_;
    Inside inside_;
    sd_bus_message* let_in_ = nullptr; // the call whose turn it is, until it is read again
    MessagePtr nothing_;               // is read instead of the socket
    bool nothing_waits_ = false;
    SlotPtr filter_;
};

} // namespace virtpind::bus
