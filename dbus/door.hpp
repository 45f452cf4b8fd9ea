// SPDX-License-Identifier: LGPL-2.1-or-later
// Everything that arrives from the bus comes by here before libsystemd or sdbus-c++ makes anything
// of it. Calls that could be answered are checked, counted, and wait for the turn of their user;
// then they are put back, to be read again as if they had just come. What nobody asked for is
// dropped. Main thread.
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
    // All must outlive this; no turn is taken after it ended. `own_share`: of which users it is
    // that no others can keep out. Throws sdbus::Error.
    Door(sdbus::IConnection& connection, FairQueue& turns,
         bool (*own_share)(uid_t) = has_own_share);

    Door(const Door&) = delete;
    Door& operator=(const Door&) = delete;

    // Of a message that was not yet read: whether reading it is of no use to anybody.
    [[nodiscard]] bool is_unwanted(const RawHead& head) const noexcept;

    // While a handler runs: whose call it is, and its place in the room. Who answers later keeps
    // it.
    [[nodiscard]] uid_t user() const { return inside_.user; }

    [[nodiscard]] CallSlots::Place place() const { return inside_.place; }

    // Writes what waits to be written, ends what has waited too long, and dispatches what was read
    // before; but reads nothing. Throws sdbus::Error when the bus is gone.
    void process_without_reading();

    void on_caller_vanished(const std::string& name);

private:
    using SharedMessage = std::shared_ptr<sd_bus_message>;

    // A call at the door, checked.
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

    // Of a connection whose user is being asked for.
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
    sd_bus_message* let_in_ = nullptr; // the one whose turn it is, until it is read again
    MessagePtr nothing_;               // what is read instead of the socket
    bool nothing_waits_ = false;
    SlotPtr filter_;
};

} // namespace virtpind::bus
