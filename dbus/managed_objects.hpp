// SPDX-License-Identifier: LGPL-2.1-or-later
// GetManagedObjects in turn. libsystemd makes the answer itself, of all properties of all objects,
// when it reads the call; with many domains it is the dearest of all. So the calls are taken out of
// the order in which they came, and put back, to be read again, when their turn comes.
#pragma once

#include "dbus/sdbus_compat.hpp"
#include "dbus/turns.hpp"

#include <systemd/sd-bus.h>

#include <memory>

namespace virtpind::bus {

class ManagedObjectsInTurn {
public:
    // Both must outlive this; no turn is taken after it ended. Main thread. Throws sdbus::Error.
    ManagedObjectsInTurn(sdbus::IConnection& connection, Turns& turns);

    ManagedObjectsInTurn(const ManagedObjectsInTurn&) = delete;
    ManagedObjectsInTurn& operator=(const ManagedObjectsInTurn&) = delete;

private:
    struct Unref {
        void operator()(sd_bus_slot* slot) const { sd_bus_slot_unref(slot); }
    };

    static int on_message(sd_bus_message* message, void* self, sd_bus_error* error) noexcept;
    int wait_for_turn(sd_bus_message* message);
    void let_in(sd_bus_message* message);

    sdbus::IConnection& connection_;
    Turns& turns_;
    sd_bus_message* let_in_ = nullptr; // the one whose turn it is, until it is read again
    std::unique_ptr<sd_bus_slot, Unref> filter_;
};

} // namespace virtpind::bus
