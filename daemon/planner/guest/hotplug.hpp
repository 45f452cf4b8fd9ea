// SPDX-License-Identifier: LGPL-2.1-or-later
// Which vCPUs to plug and unplug so that a domain has the number its policy asks for. Pure.
#pragma once

#include "common/model/domain.hpp"
#include "common/model/reason.hpp"

#include <cstdint>

namespace virtpind {

struct VcpuCount {
    std::uint32_t wanted = 0;    // 0: as many as there are
    std::uint32_t vcpus_max = 1; // ids are below it
    VcpuSet now;                 // plugged, or enabled in the definition
    VcpuSet boot;                // enabled in the definition; `now` when that is meant
    VcpuSet unpluggable;         // of `now`: what may be taken away
};

struct VcpuChoice {
    VcpuSet vcpus;
    // By how much it is short of what was wanted, or over it.
    std::uint32_t missing = 0;
    std::uint32_t surplus = 0;
};

// Growing takes those back that the definition enables, then those behind the last that it enables:
// the gaps it leaves are there for the guest's caches. Shrinking takes the last ones first, and
// never vCPU 0.
[[nodiscard]] VcpuChoice choose_vcpus(const VcpuCount& count);

} // namespace virtpind
