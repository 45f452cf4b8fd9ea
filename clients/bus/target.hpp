// SPDX-License-Identifier: LGPL-2.1-or-later
// Which service is meant.
#pragma once

#include <string>

namespace virtpind::client {

struct Target {
    enum class Kind { system, session, host, machine };
    Kind kind = Kind::system;
    std::string name; // of a host, "USER@HOST", or a machine, as for busctl
};

// "" for the bus of this host, else "ada" or "machine box".
[[nodiscard]] std::string target_text(const Target& target);

// Calls wait this long for their replies.
inline constexpr unsigned call_timeout_seconds = 120;

} // namespace virtpind::client
