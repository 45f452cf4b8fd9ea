// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/interaction.hpp"

#include <sdbus-c++/sdbus-c++.h>
#include <systemd/sd-bus.h>

namespace virtpind::bus {

namespace {

// Never made: a derived class may name the protected member of any message.
struct Inside : sdbus::Message {
    static sd_bus_message* raw(const sdbus::Message& message)
    {
        return static_cast<sd_bus_message*>(message.*(&Inside::msg_));
    }
};

} // namespace

Interaction interaction_of(const sdbus::Message& message)
{
    const auto allowed = sd_bus_message_get_allow_interactive_authorization(Inside::raw(message));
    return allowed > 0 ? Interaction::allowed : Interaction::forbidden;
}

} // namespace virtpind::bus
