// SPDX-License-Identifier: LGPL-2.1-or-later
// Which vCPU on which of the chosen CPUs: guest cores on siblings, in the order of the guest's own
// numbering, whatever the host's numbering is.
#pragma once

#include "cost.hpp"
#include "guest_shape.hpp"
#include "host_index.hpp"

#include <vector>

namespace virtpind {

struct OrderTask {
    const HostIndex& host;
    const GuestShape& shape;
    std::vector<std::vector<CpuId>> chosen; // by position in HostIndex::cores; as many as vCPUs
    std::vector<NodeIndex> cell_nodes;      // by cell; empty: cells do not bind
    const VcpuMap& kept;                    // these stay; their CPUs are among the chosen
    const VcpuMap& present;                 // where vCPUs are now; kept where nothing is lost
};

[[nodiscard]] VcpuMap order_vcpus(OrderTask task);

} // namespace virtpind
