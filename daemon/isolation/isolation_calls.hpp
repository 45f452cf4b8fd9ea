// SPDX-License-Identifier: LGPL-2.1-or-later
// Blocking calls for guests' CPUs of their own: reading the kernel's files, which needs no
// privilege, and asking virtpind-isolate. Any thread.
#pragma once

#include "common/base/result.hpp"
#include "common/model/isolation_port.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace virtpind {

// Where things are; tests play others.
struct IsolationPlaces {
    std::filesystem::path cgroups = "/sys/fs/cgroup";
    std::filesystem::path sys = "/sys";
    std::filesystem::path units = "/";
    std::filesystem::path socket = "/run/virtpind-isolate.sock";
};

// All but the units.
[[nodiscard]] IsolationView read_isolation(const IsolationPlaces& places, const GuestRuns& runs);

// Waits at most half a minute for the answer. Where there is none, it is a refusal: no_helper.
[[nodiscard]] IsolationAnswer ask_isolation(const IsolationPlaces& places,
                                            const IsolationRequest& request);

// The control groups of the guests in machine.slice; none, where there is no such thing. Errors:
// not_found, limits_exceeded.
[[nodiscard]] Result<std::vector<std::string>> list_guest_scopes(const IsolationPlaces& places);

// Has the helper end what this run has to itself; who has nothing is not asked about. `scopes` is
// what the list above came to while it ran. Error: a thread is still in its partition, out of which
// nobody may move it, or nobody can tell; the text says what to do.
[[nodiscard]] Result<void> end_isolation(const IsolationPlaces& places,
                                         const Result<std::vector<std::string>>& scopes,
                                         const GuestRun& run);

} // namespace virtpind
