// SPDX-License-Identifier: LGPL-2.1-or-later
// The permission that each method requires. Default deny: a method that is not in the table is
// refused to everyone.
#pragma once

#include "common/base/result.hpp"
#include "dbus/interaction.hpp"
#include "dbus/sdbus_compat.hpp"

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace virtpind::bus {

// No user has this number: a caller whose user is unknown has no rights.
inline constexpr auto nobody = static_cast<uid_t>(-1);

// One method call: the part that decides whether the caller may make it.
struct Call {
    std::string method; // with its interface: "org.virtpind1.Manager.SetPolicy"
    std::string sender; // unique bus name
    Interaction interaction = Interaction::forbidden;
    uid_t user = nobody; // of the caller, by the bus
};

// The call whose handler is running on `object`, by `user`.
[[nodiscard]] Call current_call(const sdbus::IObject& object, std::string_view interface,
                                uid_t user);

enum class Access {
    open,       // reads; the bus decides who may call it
    set_policy, // changes something: polkit's action org.virtpind1.set-policy
};

struct MethodAccess {
    std::string_view method;
    Access access;
    std::string_view signature; // of its arguments
    std::string_view arguments; // their names, with blanks in between
};

[[nodiscard]] const std::vector<MethodAccess>& access_table();

inline constexpr std::string_view set_policy_action = "org.virtpind1.set-policy";

// The polkit action of a method that changes something. Error: permission_denied.
[[nodiscard]] Result<std::string_view> action_of(const Call& call);

// For open methods, at once. Error: permission_denied.
[[nodiscard]] Result<void> check_open(const Call& call);

} // namespace virtpind::bus
