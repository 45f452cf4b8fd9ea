// SPDX-License-Identifier: LGPL-2.1-or-later
// What the daemon asks of virtpind-isolate: that of one guest exactly these threads have their CPUs
// to themselves, and no others. One line:
//
//   isolate SCOPE [THREAD=CPUS]...
//
// SCOPE is the guest's control group below machine.slice, as systemd names what libvirt asks for; a
// THREAD is a group of its own in there, or `idle`: CPUs on which nothing is to run at all. Without
// a thread, the guest gives all of them back. Both sides hold the same grammar, strictly: nothing
// that is accepted is a path. Pure.
#pragma once

#include "common/base/cpu_set.hpp"
#include "common/base/result.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace virtpind {

// Thread ("vcpu3", "iothread1", "emulator", "idle") and its CPUs, of which there are some.
using IsolatedThreads = std::map<std::string, CpuSet>;

struct IsolationRequest {
    std::string scope; // "machine-qemu\x2d1\x2dweb1.scope"
    IsolatedThreads threads;
    friend bool operator==(const IsolationRequest&, const IsolationRequest&) = default;
};

inline constexpr std::size_t isolation_request_bytes_max = 64 * 1024; // the newline included
inline constexpr std::size_t isolated_threads_max = 2048;
inline constexpr std::string_view idle_thread = "idle";

// Precondition: scope and threads are valid, and not too many.
[[nodiscard]] std::string format_isolation_request(const IsolationRequest& request);

// The line without its newline. Every accepted text is what format_isolation_request() makes of the
// result. Error: invalid_argument.
[[nodiscard]] Result<IsolationRequest> parse_isolation_request(std::string_view line);

// "machine-qemu\x2dID\x2dNAME.scope", of letters, digits, ":-_." and escapes \xNN: never "..",
// never a slash.
[[nodiscard]] bool is_guest_scope(std::string_view name);

// "vcpuN", "iothreadN", "emulator" or "idle"; N without leading zeros.
[[nodiscard]] bool is_isolated_thread(std::string_view name);

// All CPUs of these threads.
[[nodiscard]] CpuSet cpus_of(const IsolatedThreads& threads);

} // namespace virtpind
