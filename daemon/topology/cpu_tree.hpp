// SPDX-License-Identifier: LGPL-2.1-or-later
// The CPUs of hwloc's tree with their cores, L3s, nodes and packages. Trees may be irregular: each
// CPU is looked up on its own, and missing objects are made up so that every CPU has exactly one of
// each.
#pragma once

#include "common/base/result.hpp"
#include "common/model/topology.hpp"
#include "sysfs_facts.hpp"

#include <hwloc.h>

#include <vector>

namespace virtpind {

// cpus, cores, l3s, nodes, packages and warnings of a Topology; kinds and the rest stay empty.
// `kernel_nodes` are those of this host, none for other sources (node_places.hpp).
// Errors: invalid_argument, limits_exceeded.
[[nodiscard]] Result<Topology> read_cpu_tree(hwloc_topology_t hwloc,
                                             const std::vector<KernelNode>& kernel_nodes);

} // namespace virtpind
