// SPDX-License-Identifier: LGPL-2.1-or-later
// What virtpind-isolate answers, in one line:
//
//   isolated [CPUS]                  the threads' CPUs are theirs alone; without: none is any more
//   refused WHY [CPUS] [: DETAIL]    nothing of this guest is isolated but what was and still holds
//
// Pure.
#pragma once

#include "common/base/cpu_set.hpp"
#include "common/base/result.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace virtpind {

// Why a guest's CPUs are not isolated, as the helper finds it. Each has a word, in this order.
enum class IsolationRefusal {
    bad_request,     // the grammar; the detail says what
    no_guest,        // there is no such control group: the guest has ended
    no_thread,       // nor one of that thread
    no_kernel,       // the kernel has no partitions below others (before 6.7), or no cgroup v2
    no_cpuset,       // libvirt or systemd does not give guests the cpuset controller
    outside_pins,    // CPUs that the thread is not pinned to
    shared_cpus,     // CPUs that two threads of the request have
    not_siblings,    // idle CPUs that are no siblings of the guest's
    others_isolated, // CPUs that another guest, or somebody else, has isolated
    others_pinned,   // a thread that is pinned to nothing else; the detail names it
    below_floor,     // the host would be left with too little; the detail says where
    kernel_refused,  // the kernel took the request and found it invalid; the detail is its word
    busy,            // another request is at work, and has been for too long
    failed,          // a file could not be read or written; the detail says which
    no_helper,       // nobody answers; never sent
};

[[nodiscard]] std::string_view to_string(IsolationRefusal why);

struct IsolationAnswer {
    std::optional<IsolationRefusal> refused; // absent: done
    CpuSet cpus;                             // isolated, or those in question
    std::string detail;                      // printable; may be empty
    friend bool operator==(const IsolationAnswer&, const IsolationAnswer&) = default;
};

inline constexpr std::size_t isolation_answer_bytes_max = 64 * 1024;
inline constexpr std::size_t isolation_detail_bytes_max = 1024; // longer ones are cut

[[nodiscard]] std::string format_isolation_answer(const IsolationAnswer& answer);

// The line without its newline. Error: invalid_argument.
[[nodiscard]] Result<IsolationAnswer> parse_isolation_answer(std::string_view line);

} // namespace virtpind
