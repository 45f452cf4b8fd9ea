// SPDX-License-Identifier: LGPL-2.1-or-later
// Guest NUMA cells onto host nodes, several to one where that is better.
#pragma once

#include "node_demand.hpp"

#include <optional>

namespace virtpind {

// Every cell whole on one node; nothing when that cannot be. numa=spread puts as few cells as
// possible on one node; then as many devices as possible have a cell beside them, and the nodes are
// as few and as near as possible.
// Precondition: demand.cells is not empty.
[[nodiscard]] std::optional<NodeChoice> choose_cell_nodes(const HostIndex& host, Packer& packer,
                                                          const NodeDemand& demand);

} // namespace virtpind
