// SPDX-License-Identifier: LGPL-2.1-or-later
// What holds of a running domain where it is now.
#pragma once

#include "cost.hpp"

namespace virtpind {

struct KeptPins {
    VcpuMap kept;          // vCPUs whose present CPU they may keep
    bool conflict = false; // some vCPU is pinned to a CPU that it may not keep
};

// Single-CPU pins of online vCPUs that meet every hard constraint within `around`. They hold
// together or not at all where the constraint is on the whole (one kind, one node, one per core).
[[nodiscard]] KeptPins find_kept_pins(const HostIndex& host, const Intent& intent,
                                      const Surroundings& around);

// The nodes that a domain which has memory is on: where that memory is, else where its vCPUs are
// pinned; and those without any that are as near to it. Empty: unknown, or it has none yet.
[[nodiscard]] NodeSet home_nodes(const HostIndex& host, const Intent& intent);

} // namespace virtpind
