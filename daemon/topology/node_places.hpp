// SPDX-License-Identifier: LGPL-2.1-or-later
// Where the NUMA nodes of a host are in hwloc's tree, also those that hwloc leaves out.
#pragma once

#include "common/base/result.hpp"
#include "common/model/topology.hpp"
#include "sysfs_facts.hpp"

#include <hwloc.h>

#include <map>
#include <string>
#include <vector>

namespace virtpind {

struct NodePlace {
    NodeId id{};
    hwloc_obj_t object = nullptr; // none: a node without memory that hwloc leaves out
    CpuSet lent;                  // its CPUs where it has no object
};

// In ascending order of their ids, at least one. `online` are the CPUs with their objects.
//
// From 2.2 on, hwloc leaves nodes without memory out: their CPUs are under no node, or lent to
// another. They are taken from `kernel_nodes`; other CPUs that no node has become nodes without
// memory, with numbers that hwloc still knows of (complete_nodeset) or that are free, and a
// warning. Errors: invalid_argument, limits_exceeded.
[[nodiscard]] Result<std::vector<NodePlace>>
find_node_places(hwloc_topology_t hwloc, const std::vector<KernelNode>& kernel_nodes,
                 const std::map<CpuId, hwloc_obj_t>& online, std::vector<std::string>& warnings);

// Fills in Topology::distance. What hwloc does not tell of a node that it leaves out comes from
// `kernel_nodes`, else such a node is as far from those it is lent to as the nearest two nodes of
// the host are from each other, and from all others as far as the farthest two.
void add_distances(hwloc_topology_t hwloc, const std::vector<KernelNode>& kernel_nodes,
                   Topology& topology);

} // namespace virtpind
