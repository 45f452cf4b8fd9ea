// SPDX-License-Identifier: LGPL-2.1-or-later
// A loaded hwloc topology with an owner.
#pragma once

#include "topology_source.hpp"

#include <hwloc.h>

#include <memory>

namespace virtpind {

struct HwlocDestroy {
    void operator()(hwloc_topology_t topology) const { hwloc_topology_destroy(topology); }
};

using HwlocHandle = std::unique_ptr<hwloc_topology, HwlocDestroy>;

// Loads offline and disallowed CPUs, all caches and all PCI devices, without those components of
// hwloc that move this thread over all CPUs (x86) or wake GPUs.
[[nodiscard]] Result<HwlocHandle> load_hwloc(const TopologySource& source);

} // namespace virtpind
