// SPDX-License-Identifier: LGPL-2.1-or-later
// Whether the caller of a method accepts a password dialogue. sdbus-c++ does not tell.
#pragma once

namespace sdbus {
class Message;
}

namespace virtpind::bus {

enum class Interaction { forbidden, allowed };

// The message's flag ALLOW_INTERACTIVE_AUTHORIZATION; forbidden if it is unreadable.
[[nodiscard]] Interaction interaction_of(const sdbus::Message& message);

} // namespace virtpind::bus
