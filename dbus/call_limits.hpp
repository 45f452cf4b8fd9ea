// SPDX-License-Identifier: LGPL-2.1-or-later
// Limits on a call, checked on the message itself before it is converted: an a{sv} of a few
// megabytes takes hundreds of them as a map of variants. Main thread.
#pragma once

#include "common/base/result.hpp"
#include "dbus/access.hpp"

#include <systemd/sd-bus.h>

#include <cstddef>
#include <string_view>

namespace virtpind::bus {

// The called method. nullptr: there is no such method, or its arguments have other types;
// libsystemd then refuses the call.
[[nodiscard]] const MethodAccess* find_method(sd_bus_message* call);
// Whether a method with this name may change something.
[[nodiscard]] bool changes_something(std::string_view interface, std::string_view member);

// The approximate bytes of the arguments. Rewinds the message. Errors: limits_exceeded;
// invalid_argument (a repeated or unreadable option, or one of a wrong type).
[[nodiscard]] Result<std::size_t> check_arguments(sd_bus_message* call, const MethodAccess& method);

} // namespace virtpind::bus
