// SPDX-License-Identifier: LGPL-2.1-or-later
// The host as hwloc XML for lstopo, with the users of each CPU.
#pragma once

#include "common/base/cpu_set.hpp"
#include "common/base/result.hpp"
#include "topology_source.hpp"

#include <map>
#include <string>
#include <vector>

namespace virtpind {

// The CPUs of one domain, or of the pool or housekeeping, in one colour.
struct TopologyLabel {
    std::string name;
    CpuSet cpus;
    std::map<CpuId, std::string> threads; // by CPU, "win11 vCPU 3"; else the name

    enum class Whose { guest, housekeeping, pool } whose = Whose::guest;
};

// hwloc XML in which every CPU carries the label (as info "virtpind") and colour (as lstopoStyle)
// of the first of `labels` that has it, and a Misc object, which lstopo draws, with its user.
// Errors: those of read_topology() (topology_reader.hpp).
[[nodiscard]] Result<std::string> export_topology_xml(const TopologySource& source,
                                                      const std::vector<TopologyLabel>& labels);

} // namespace virtpind
