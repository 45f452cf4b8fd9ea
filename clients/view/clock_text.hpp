// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>

namespace virtpind::client {

// "2026-11-29 22:03:06" in the process's time zone, of microseconds since the epoch.
[[nodiscard]] std::string clock_text(std::uint64_t realtime_usec);

// "22:03:06".
[[nodiscard]] std::string time_of_day(std::uint64_t realtime_usec);

} // namespace virtpind::client
