// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/boundary.hpp"

#include "common/base/valid_text.hpp"

namespace virtpind::bus {

sdbus::Error to_bus_error(const Error& error)
{
    return {ErrorName{std::string{error_name(error.code)}}, valid_text(error.message)};
}

sdbus::Error unexpected(const char* what)
{
    return to_bus_error({.code = Errc::internal,
                         .message = std::string{"internal error; please report it: "} + what});
}

} // namespace virtpind::bus
