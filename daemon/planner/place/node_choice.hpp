// SPDX-License-Identifier: LGPL-2.1-or-later
// Which NUMA nodes: the terms that do not add up (distance between nodes, even spreading, guest
// cells) and the memory of the nodes, on top of the packing within them.
#pragma once

#include "node_demand.hpp"

#include <optional>

namespace virtpind {

// The best choice, or nothing when none fits. Counted work: gives up proving, not searching, after
// a fixed number of steps.
[[nodiscard]] std::optional<NodeChoice> choose_nodes(const HostIndex& host, Packer& packer,
                                                     const NodeDemand& demand);

} // namespace virtpind
