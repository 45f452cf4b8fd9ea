// SPDX-License-Identifier: LGPL-2.1-or-later
// Checks of the plain arguments of methods. Error texts are for a person at busctl, which shows
// nothing but the text.
#pragma once

#include "common/base/result.hpp"
#include "dbus/argument_limits.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace virtpind::bus {

// Bounds a text argument. Error: limits_exceeded, naming `what`.
[[nodiscard]] Result<void> check_text(std::string_view what, std::string_view text,
                                      std::size_t bytes_max = text_bytes_max);

// The limit of the text argument `name`: a definition is longer than others.
[[nodiscard]] std::size_t bytes_max_of(std::string_view name);

// Refuses every bit outside `known`, a set of the flags of common/model/control_port.hpp. Error:
// invalid_argument.
[[nodiscard]] Result<void> check_flags(std::uint64_t flags, std::uint64_t known);

} // namespace virtpind::bus
