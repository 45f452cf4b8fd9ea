// SPDX-License-Identifier: LGPL-2.1-or-later
// Errc to D-Bus error name, one table.
#pragma once

#include "common/base/result.hpp"

#include <string_view>

namespace virtpind::bus {

// "org.virtpind1.Error.NoSuchDomain", "org.freedesktop.DBus.Error.InvalidArgs"
[[nodiscard]] std::string_view error_name(Errc code);

// Its last part, as in the property LastError: "NoSuchDomain".
[[nodiscard]] std::string_view error_word(Errc code);

} // namespace virtpind::bus
