// SPDX-License-Identifier: LGPL-2.1-or-later
// Where others would put a guest, written from what they publish of themselves, to compare with.
// Pure. All take only CPUs that are free, and leave guests where they are.
#pragma once

#include "common/model/topology.hpp"

#include <cstddef>
#include <optional>
#include <vector>

namespace virtpind::bench {

using Cpus = std::vector<CpuId>; // one for each vCPU, in their order

// The CPUs that a placer may give, by what they have in common.
struct PlacerHost {
    PlacerHost(const Topology& host, const CpuSet& usable);

    const Topology* topology; // outlives this
    CpuSet usable;
    std::vector<CpuSet> cores; // by CoreIndex, the others likewise; some may be empty
    std::vector<CpuSet> l3s;
    std::vector<CpuSet> nodes;
    std::vector<CpuSet> packages;
};

// The lowest numbers: what guides and lists of CPUs for isolcpus come to.
[[nodiscard]] std::optional<Cpus> place_lowest(const PlacerHost& host, const CpuSet& free,
                                               std::size_t vcpus);

// OpenStack Nova, hw:cpu_policy=dedicated, hw:cpu_thread_policy=prefer: the emptiest cell that fits
// (numa_fit_instance_to_host), there whole cores first (_pack_instance_onto_cores). A guest that
// fits no cell has as few equal cells as do fit, a power of two, as a flavour would say.
[[nodiscard]] std::optional<Cpus> place_nova(const PlacerHost& host, const CpuSet& free,
                                             std::size_t vcpus);

enum class UncoreCaches { ignored, aligned };

// Kubernetes' static CPU manager (takeByTopologyNUMAPacked) without a topology manager; `aligned`:
// with prefer-align-cpus-by-uncorecache. A container has a set of CPUs; here vCPUs get them in
// ascending order.
[[nodiscard]] std::optional<Cpus> place_kubelet(const PlacerHost& host, const CpuSet& free,
                                                std::size_t vcpus, UncoreCaches caches);

} // namespace virtpind::bench
