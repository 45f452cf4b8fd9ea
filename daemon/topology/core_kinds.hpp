// SPDX-License-Identifier: LGPL-2.1-or-later
// Tells the core kinds of a hybrid host apart. Pure.
#pragma once

#include "common/model/topology.hpp"

#include <string>
#include <vector>

namespace virtpind {

// The facts of a source about some CPUs.
struct KindHint {
    CpuSet cpus;
    std::string core_type; // "IntelCore", "IntelAtom", "IntelLowPower"; empty: told apart otherwise
};

// Sets topology.kinds (and the kind of every CPU and core) from `hints`. Only a core type counts:
// frequency and capacity also differ between favoured cores of one type, and using them has pinned
// guests to two cores of sixteen. In doubt, the host is uniform, and a warning says so. Efficiency
// cores outside every L3 of the performance cores are low-power ones. Precondition: everything else
// in `topology` is filled in.
void classify_cores(Topology& topology, const std::vector<KindHint>& hints);

} // namespace virtpind
