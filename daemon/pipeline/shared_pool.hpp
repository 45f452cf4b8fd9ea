// SPDX-License-Identifier: LGPL-2.1-or-later
// Where shared domains float: the part of the pool on the fewest nodes that hold one, near its
// devices, at the lowest load.
#pragma once

#include "memory_book.hpp"

#include <cstddef>
#include <vector>

namespace virtpind {

class SharedPool {
public:
    // Where there is no pool at all, `spare` (not empty) takes its place.
    SharedPool(const HostIndex& host, const CpuSet& pool, const CpuSet& spare);

    struct Share {
        CpuSet cpus;
        bool holds = false; // at least as many CPUs as the domain has vCPUs online
        bool mixed = false; // cores of several kinds
    };

    // The part for `intent`, whose vCPUs from now on count as load there.
    [[nodiscard]] Share admit(const Intent& intent, const MemoryBook& memory);

private:
    using Nodes = std::vector<std::size_t>;
    [[nodiscard]] CpuSet cpus_for(const Intent& intent, const CpuSet& of) const;
    [[nodiscard]] CpuSet kind_part(const Intent& intent, const CpuSet& cpus) const;
    [[nodiscard]] Nodes choose(const Intent& intent, const CpuSet& cpus,
                               const MemoryBook& memory) const;
    [[nodiscard]] double load(std::size_t node, std::size_t more) const;

    const HostIndex& host_;
    bool on_spare_; // then nobody is confined to a part of it: on a single CPU it would look placed
    CpuSet pool_;
    std::vector<std::size_t> pool_size_; // CPUs by NodeIndex
    std::vector<double> vcpus_;          // admitted so far, by NodeIndex
};

} // namespace virtpind
