// SPDX-License-Identifier: LGPL-2.1-or-later
// The differences between sdbus-c++ 1.2 (Debian 12) and 2.x (Debian 13). The only file with #if:
// the installed sdbus-c++-xml2cpp generates the adaptors, so all other code is the same.
#pragma once

#include "dbus/names.hpp"

#include <sdbus-c++/sdbus-c++.h>
#include <systemd/sd-bus.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#if __has_include(<sdbus-c++/VTableItems.h>)
#define VIRTPIND_SDBUS_2 1
#else
#define VIRTPIND_SDBUS_2 0
#endif

namespace virtpind::bus {

#if VIRTPIND_SDBUS_2
using ServiceName = sdbus::ServiceName;
using PropertyName = sdbus::PropertyName;
using InterfaceName = sdbus::InterfaceName;
using MethodName = sdbus::MethodName;
using ErrorName = sdbus::Error::Name;
using CallError = std::optional<sdbus::Error>; // first argument of an asynchronous reply
#else
using ServiceName = std::string;
using PropertyName = std::string;
using InterfaceName = std::string;
using MethodName = std::string;
using ErrorName = std::string;
using CallError = const sdbus::Error*;
#endif

// The events to poll for before the next process_one().
struct PollState {
    int fd = -1;
    std::uint32_t events = 0;
    std::uint64_t deadline_usec = std::numeric_limits<std::uint64_t>::max(); // CLOCK_MONOTONIC
    int wake_fd = -1; // an eventfd that also asks for process_one(); -1: none
};

[[nodiscard]] inline PollState poll_state(const sdbus::IConnection& connection)
{
    const auto poll = connection.getEventLoopPollData();
    PollState state;
    state.fd = poll.fd;
    state.events = static_cast<std::uint32_t>(poll.events);
#if VIRTPIND_SDBUS_2
    if (poll.timeout != std::chrono::microseconds::max()) {
        state.deadline_usec = static_cast<std::uint64_t>(poll.timeout.count());
    }
    state.wake_fd = poll.eventFd;
#else
    state.deadline_usec = poll.timeout_usec;
#endif
    return state;
}

// Dispatches at most one message; false: there was nothing to do.
inline bool process_one(sdbus::IConnection& connection)
{
#if VIRTPIND_SDBUS_2
    return connection.processPendingEvent();
#else
    return connection.processPendingRequest();
#endif
}

// The result of `read` for the message whose handler is running. Precondition: one is running.
template <class Read>
[[nodiscard]] auto of_current_message(const sdbus::IObject& object, Read read)
{
#if VIRTPIND_SDBUS_2
    return read(object.getCurrentlyProcessedMessage());
#else
    return read(*object.getCurrentlyProcessedMessage());
#endif
}

// `callback` takes the message by generic reference. Asks the bus synchronously: only at start-up.
template <class Callback>
[[nodiscard]] sdbus::Slot add_match(sdbus::IConnection& connection, const std::string& rule,
                                    Callback callback)
{
#if VIRTPIND_SDBUS_2
    return connection.addMatch(rule, std::move(callback), sdbus::return_slot);
#else
    return connection.addMatch(rule, std::move(callback));
#endif
}

// libsystemd's message inside that of the library, which only derived classes can access.
[[nodiscard]] inline sd_bus_message* raw_message(const sdbus::Message& message)
{
    struct Opened : sdbus::Message {
        static sd_bus_message* raw(const sdbus::Message& message)
        {
            return static_cast<sd_bus_message*>(message.*(&Opened::msg_));
        }
    };

    return Opened::raw(message);
}

// libsystemd's bus inside the connection, found by a message. It lives as long as the connection.
[[nodiscard]] inline sd_bus* raw_bus(sdbus::IConnection& connection)
{
    const auto driver =
        sdbus::createProxy(connection, ServiceName{driver_name}, sdbus::ObjectPath{driver_path});
    const auto call = driver->createMethodCall(InterfaceName{driver_name}, MethodName{"GetId"});
    return sd_bus_message_get_bus(raw_message(call));
}

} // namespace virtpind::bus
