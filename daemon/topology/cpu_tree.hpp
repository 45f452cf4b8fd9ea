// SPDX-License-Identifier: LGPL-2.1-or-later
// The CPUs of hwloc's tree with their cores, L3s, nodes and packages. Trees may be irregular: each
// CPU is looked up on its own, and missing objects are made up so that every CPU has exactly one of
// each.
#pragma once

#include "common/base/result.hpp"
#include "common/model/topology.hpp"

#include <hwloc.h>

namespace virtpind {

// cpus, cores, l3s, nodes, packages and warnings of a Topology; kinds and the rest stay empty.
// Errors: invalid_argument, limits_exceeded.
[[nodiscard]] Result<Topology> read_cpu_tree(hwloc_topology_t hwloc);

} // namespace virtpind
