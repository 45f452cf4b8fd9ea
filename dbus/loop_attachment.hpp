// SPDX-License-Identifier: LGPL-2.1-or-later
// Lets an sd-event loop drive an sdbus-c++ connection. While the bus does not accept messages, none
// is read from it; otherwise libsystemd's own replies would pile up without bound. A lost bus ends
// the loop with an error; systemd then restarts the service with a new connection.
#pragma once

#include "common/base/result.hpp"
#include "dbus/door.hpp"
#include "dbus/fair_queue.hpp"
#include "dbus/inlet.hpp"

#include <systemd/sd-event.h>

#include <cstdint>
#include <memory>

namespace sdbus {
class IConnection;
}

namespace virtpind::bus {

class LoopAttachment {
public:
    // All arguments, and the loop, must outlive this. Turns are taken when the bus accepts replies.
    LoopAttachment(sdbus::IConnection& connection, Door& door, FairQueue& turns);

    LoopAttachment(const LoopAttachment&) = delete;
    LoopAttachment& operator=(const LoopAttachment&) = delete;

    [[nodiscard]] Result<void> attach(sd_event* event);

private:
    struct Detach {
        void operator()(sd_event_source* source) const { sd_event_source_disable_unref(source); }
    };

    using Source = std::unique_ptr<sd_event_source, Detach>;

    static int on_prepare(sd_event_source* source, void* self) noexcept;
    static int on_bus_io(sd_event_source* source, int fd, std::uint32_t events,
                         void* self) noexcept;
    static int on_wake(sd_event_source* source, int fd, std::uint32_t events, void* self) noexcept;
    static int on_deadline(sd_event_source* source, std::uint64_t now, void* self) noexcept;
    static int on_turn(sd_event_source* source, std::uint64_t now, void* self) noexcept;
    int prepare();
    void schedule_turn(bool bus_has_room);
    int process();
    [[nodiscard]] bool waits_to_write() const;

    sdbus::IConnection& connection_;
    sd_bus* bus_;
    Door& door_;
    FairQueue& turns_;
    Inlet inlet_;
    Source io_;
    Source deadline_;
    Source turn_;
    std::uint64_t armed_for_ = 0; // the turn; usec of CLOCK_MONOTONIC
    Source wake_;                 // only where the library has one
};

} // namespace virtpind::bus
