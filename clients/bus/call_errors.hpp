// SPDX-License-Identifier: LGPL-2.1-or-later
// Error replies as errors for people.
#pragma once

#include "common/base/result.hpp"
#include "target.hpp"

#include <string_view>

namespace virtpind::client {

// `name` is the error's name on the bus, `text` its sentence. The message is printable and tells
// what to do next.
[[nodiscard]] Error call_error(std::string_view name, std::string_view text, const Target& target);

// The connection itself failed.
[[nodiscard]] Error unreachable(std::string_view text, const Target& target);

} // namespace virtpind::client
