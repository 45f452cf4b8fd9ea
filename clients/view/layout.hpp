// SPDX-License-Identifier: LGPL-2.1-or-later
// The host's shape as a client draws it: packages, nodes, L3 caches, cores, CPUs.
#pragma once

#include "common/base/cpu_set.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace virtpind::client {

enum class CoreKind { performance, efficiency, low_power };

struct LayoutCore {
    CpuSet cpus; // SMT siblings
    CoreKind kind = CoreKind::performance;
};

struct LayoutL3 {
    CpuSet cpus;
    std::uint64_t size_bytes = 0; // 0: unknown
    bool vcache = false;
};

struct LayoutNode {
    std::uint64_t id = 0; // of the operating system
    CpuSet cpus;          // none: it has memory only
    std::uint64_t memory_kib = 0;
};

struct Layout {
    std::vector<CpuSet> packages;
    std::vector<LayoutNode> nodes;
    std::vector<LayoutL3> l3s;
    std::vector<LayoutCore> cores; // ascending by their first CPU
    CpuSet isolated;
    CpuSet offline;
};

} // namespace virtpind::client
