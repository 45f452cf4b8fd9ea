// SPDX-License-Identifier: LGPL-2.1-or-later
// The host as a Topology value: this machine, a file that lstopo wrote, or a synthetic description.
// Thread: any; blocking (the daemon calls it on its worker).
#pragma once

#include "common/base/result.hpp"
#include "common/model/topology.hpp"
#include "topology_source.hpp"

namespace virtpind {

// A snapshot in which every CPU has exactly one core, L3, node, package and kind, for any
// source; Topology::warnings names parts that were made up. Errors: invalid_argument (no
// such file, not hwloc XML, bad description), limits_exceeded, host_unavailable (live
// only).
[[nodiscard]] Result<Topology> read_topology(const TopologySource& source);

} // namespace virtpind
