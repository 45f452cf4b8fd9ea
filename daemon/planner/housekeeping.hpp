// SPDX-License-Identifier: LGPL-2.1-or-later
// The CPUs that a host keeps for itself when nobody says which. Pure.
#pragma once

#include "common/model/topology.hpp"

namespace virtpind {

// The core of CPU 0; on hybrid hosts also one efficiency core; on every further
// node that has I/O devices and at least four cores, one core. Never all usable CPUs.
[[nodiscard]] CpuSet auto_housekeeping(const Topology& topology, const CpuSet& usable);

} // namespace virtpind
