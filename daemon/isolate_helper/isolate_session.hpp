// SPDX-License-Identifier: LGPL-2.1-or-later
// One request: read, judged, granted or refused, answered.
#pragma once

#include "common/isolation/isolation_answer.hpp"
#include "common/isolation/isolation_request.hpp"
#include "host_dir.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace virtpind {

// What the kernel's directories are; the caller has made sure of them.
struct IsolateHost {
    HostDir cgroups; // the root of cgroup v2
    HostDir sys;     // /sys
};

// How long one request waits for another that is at work: each takes well below a second.
inline constexpr std::chrono::milliseconds turn_patience{5000};

// Never throws for what the line holds. Of all processes one at a time is at work; who has not had
// its turn within `patience` is refused.
[[nodiscard]] IsolationAnswer answer_request(const IsolateHost& host, std::string_view line,
                                             std::chrono::milliseconds patience = turn_patience);

// The line that comes in on a socket within `patience`, without its newline. Errors: timed_out,
// limits_exceeded, invalid_argument (it ends without a newline, or there is more behind it).
[[nodiscard]] Result<std::string> receive_line(int socket, std::chrono::milliseconds patience);
// The bytes that come next, some. Errors: as above; what ends is invalid_argument.
[[nodiscard]] Result<std::string> receive_some(int socket, std::chrono::nanoseconds patience);
// Error: timed_out, host_unavailable (nobody hears).
[[nodiscard]] Result<void> send_line(int socket, const std::string& line,
                                     std::chrono::milliseconds patience);

} // namespace virtpind
