// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/interaction.hpp"

#include "dbus/sdbus_compat.hpp"

namespace virtpind::bus {

Interaction interaction_of(const sdbus::Message& message)
{
    const auto allowed = sd_bus_message_get_allow_interactive_authorization(raw_message(message));
    return allowed > 0 ? Interaction::allowed : Interaction::forbidden;
}

} // namespace virtpind::bus
