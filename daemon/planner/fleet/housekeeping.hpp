// SPDX-License-Identifier: LGPL-2.1-or-later
// The CPUs that a host keeps for itself when nobody says which. Pure.
#pragma once

#include "common/model/plan.hpp"
#include "daemon/planner/place/host_index.hpp"

#include <vector>

namespace virtpind {

// What it takes of the efficiency cores: all that share an L2, as far as the host tells, or one.
enum class Efficiency { cluster, one_core };

// What automatic housekeeping wishes: the core of CPU 0; on hybrid hosts also efficiency cores; on
// every further node with at least four cores and I/O devices that are not all passed through to
// one of `intents`, one core. Never all usable CPUs.
[[nodiscard]] CpuSet auto_housekeeping(const Topology& topology, const CpuSet& usable,
                                       const std::vector<Intent>& intents = {},
                                       Efficiency efficiency = Efficiency::cluster);

// The whole cores of `cpus` that some of `others` are on, as far as they are in `cpus`.
[[nodiscard]] CpuSet cores_used_by(const HostIndex& host, const CpuSet& cpus, const CpuSet& others);

struct HousekeepingTask {
    CpuSet usable;
    CpuSet wished;   // whole cores
    CpuSet occupied; // of domains to which it gives way
    CpuSet taken;    // of others, too: no place to go to
    CpuSet around;   // CPUs of those domains for which it goes elsewhere
};

// Where housekeeping may go that has none of its cores left, the best first: a whole cluster of
// efficiency cores, or one core, of which nothing is taken. Low-power and isolated cores come last;
// before others come those of an L3 without V-cache, then those of nodes without the CPUs `around`.
[[nodiscard]] std::vector<CpuSet> housekeeping_elsewhere(const HostIndex& host,
                                                         const HousekeepingTask& task);

// What housekeeping keeps: the cores it wishes that nobody occupies; else a core elsewhere; else
// the idle CPUs of one; else the best core that it wishes, whoever is there. Empty only where
// `wished` is.
[[nodiscard]] CpuSet remaining_housekeeping(const HostIndex& host, const HousekeepingTask& task);

} // namespace virtpind
