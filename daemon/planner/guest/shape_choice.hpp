// SPDX-License-Identifier: LGPL-2.1-or-later
// The guest topology with which a guest is right about the caches of its vCPUs. Pure.
#pragma once

#include "common/model/reason.hpp"
#include "guest_caches.hpp"
#include "guest_layout.hpp"

#include <map>
#include <optional>
#include <vector>

namespace virtpind {

struct ShapeTask {
    const Topology& topology;
    const std::vector<Seat>& seats; // of the vCPUs, in their order
    TopologyChoice choice;
    std::uint32_t vcpus_max = 0; // of the definition
};

// The first frame with which the guest believes what is true of the host's caches. `shown`: what
// CPUID says where QEMU starts.
[[nodiscard]] std::optional<GuestLayout> layout_with_host_caches(const ShapeTask& task,
                                                                 const CacheSharing& shown);

// With the caches that QEMU makes up: the first frame with true L3s, else the first one.
[[nodiscard]] std::optional<GuestLayout> layout_with_emulated_caches(const ShapeTask& task);

// Whether a guest of that layout is right about all caches if `shown` the host's.
[[nodiscard]] bool has_true_host_caches(const Topology& topology, const GuestLayout& layout,
                                        const CacheSharing& shown);

// Whether it is right about its L3s if it is shown those that QEMU makes up.
[[nodiscard]] bool has_true_emulated_l3s(const Topology& topology, const GuestLayout& layout);

// Why the caches where QEMU starts cannot be shown to the vCPUs on `pins`, as arguments; nothing
// when they can. `start`: CPUs that QEMU starts on.
[[nodiscard]] std::optional<ReasonArguments>
fault_of_start_caches(const Topology& topology, const std::map<VcpuId, CpuId>& pins,
                      const CpuSet& start, bool realtime);

// The nth vCPU on the nth seat.
[[nodiscard]] std::map<VcpuId, CpuId> pins_of(const std::vector<Seat>& seats);

} // namespace virtpind
