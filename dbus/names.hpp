// SPDX-License-Identifier: LGPL-2.1-or-later
// The names of the D-Bus contract that code needs.
#pragma once

#include "common/base/ids.hpp"

#include <algorithm>
#include <string>

namespace virtpind::bus {

inline constexpr const char* bus_name = "org.virtpind1";
inline constexpr const char* manager_path = "/org/virtpind1";

inline constexpr const char* driver_name = "org.freedesktop.DBus"; // the bus itself
inline constexpr const char* driver_path = "/org/freedesktop/DBus";

// Paths are made of UUIDs, never of names, which their owners choose.
[[nodiscard]] inline std::string domain_path(const DomainUuid& uuid)
{
    auto element = uuid.str();
    std::replace(element.begin(), element.end(), '-', '_');
    return std::string{manager_path} + "/domain/_" + element;
}

} // namespace virtpind::bus
