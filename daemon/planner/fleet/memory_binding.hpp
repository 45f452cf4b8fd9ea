// SPDX-License-Identifier: LGPL-2.1-or-later
// The nodes that the memory of a domain is bound to.
#pragma once

#include "common/model/plan.hpp"
#include "daemon/planner/place/host_index.hpp"

#include <optional>

namespace virtpind {

struct MemoryTask {
    const HostIndex& host;
    const Intent& intent;
    bool several_nodes = false; // more than one node has memory
    // Where its memory goes instead of the nodes of its vCPUs, which have too little; empty: to no
    // nodes in particular.
    std::optional<NodeSet> elsewhere;
};

// Fills numatune of `plan` from its vCPU pins, with reasons. Precondition: plan.placement is not
// none and its vCPUs are pinned.
void plan_memory(const MemoryTask& task, DomainPlan& plan);

} // namespace virtpind
