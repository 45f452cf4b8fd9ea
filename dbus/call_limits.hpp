// SPDX-License-Identifier: LGPL-2.1-or-later
// What a call may carry, checked on the message itself before anything is made of it: an a{sv} of a
// few megabytes becomes hundreds of them once it is a map of variants. Main thread.
#pragma once

#include "common/base/result.hpp"
#include "dbus/access.hpp"

#include <systemd/sd-bus.h>

#include <cstddef>
#include <string_view>

namespace virtpind::bus {

// The method that is called; nullptr: libsystemd refuses the call when it reads it, as there is no
// such method, or it has other arguments.
[[nodiscard]] const MethodAccess* find_method(sd_bus_message* call);
// Whether a method of that name may change something.
[[nodiscard]] bool changes_something(std::string_view interface, std::string_view member);

// The bytes of its arguments, about. Leaves the message at its begin. Errors: limits_exceeded;
// invalid_argument (an option that is given twice or has no type of an option, an unreadable one).
[[nodiscard]] Result<std::size_t> check_arguments(sd_bus_message* call, const MethodAccess& method);

} // namespace virtpind::bus
