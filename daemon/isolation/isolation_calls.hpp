// SPDX-License-Identifier: LGPL-2.1-or-later
// Blocking calls for guests' CPUs of their own: reading the kernel's files, which needs no
// privilege, and asking virtpind-isolate. Any thread.
#pragma once

#include "common/model/isolation_port.hpp"

#include <filesystem>
#include <string>

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

// Whether some partition of this guest is not as that of any other thread.
[[nodiscard]] bool has_partition(const GuestGroups& guest);

} // namespace virtpind
