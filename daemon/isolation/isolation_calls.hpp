// SPDX-License-Identifier: LGPL-2.1-or-later
// Blocking calls for guests' CPUs of their own: reading the kernel's files, which needs no
// privilege, and asking virtpind-isolate. Any thread.
#pragma once

#include "common/model/isolation_port.hpp"

#include <filesystem>
#include <optional>
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

// Has the helper end what this run has to itself; who has nothing is not asked about. Its refusal,
// where a thread is still in its partition, out of which nobody may move it.
[[nodiscard]] std::optional<IsolationAnswer>
end_isolation(const IsolationPlaces& places, const DomainUuid& uuid, const GuestRun& run);

} // namespace virtpind
