// SPDX-License-Identifier: LGPL-2.1-or-later
// Which vCPUs a guest believes to share a cache, and which ones really do. Pure; x86 only.
//
// The guest learns of its caches from CPUID, Intel leaf 4 or AMD leaf 0x8000001D. Both say for each
// cache how many logical CPUs share it (EAX[25:14] + 1), and a guest, Linux and Windows alike,
// takes two CPUs to share it when APIC id >> ceil(log2(that number)) is equal. So it always sees
// blocks of a power of two of APIC ids, wherever the vCPUs are pinned.
// QEMU makes an APIC id from bit fields for socket, die, core and thread, each as wide as its
// largest number needs: three cores take as much room as four.
#pragma once

#include "common/model/domain.hpp"
#include "common/model/topology.hpp"

#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

namespace virtpind {

// Logical CPUs of the host that share one cache, as its CPUID says; 0: no such cache, or unknown.
struct CacheSharing {
    std::uint32_t l1 = 0;
    std::uint32_t l2 = 0;
    std::uint32_t l3 = 0;
    friend bool operator==(const CacheSharing&, const CacheSharing&) = default;
};

// Sets of vCPUs that share one cache, ascending by first vCPU; every enabled vCPU is in one. A
// level that is unknown or does not exist has none.
struct CacheGroups {
    std::vector<VcpuSet> l1;
    std::vector<VcpuSet> l2;
    std::vector<VcpuSet> l3;
    friend bool operator==(const CacheGroups&, const CacheGroups&) = default;
};

enum class CpuVendor { unknown, intel, amd }; // Hygon counts as AMD: same leaves
[[nodiscard]] CpuVendor cpu_vendor(std::string_view cpuid_vendor);

// QEMU's (hw/i386/topology.h).
[[nodiscard]] std::uint32_t apic_id(const GuestTopology& guest, VcpuId vcpu);

// The groups that the guest sees with <cache mode='passthrough'/>: QEMU copies the numbers of the
// host CPU that starts it (`host`). For Intel it cuts them to the package of the guest, for AMD it
// does not. Precondition: every vCPU of `enabled` is below the product of `guest`.
[[nodiscard]] CacheGroups predict_guest_caches(const GuestTopology& guest, const VcpuSet& enabled,
                                               CpuVendor vendor, const CacheSharing& host);

// The groups that it sees without: QEMU makes up an L1 and an L2 per core and an L3 per die. (For
// Intel models, machine types before 9.1 have an L1 per vCPU.)
[[nodiscard]] CacheGroups predict_emulated_caches(const GuestTopology& guest,
                                                  const VcpuSet& enabled);

// The real groups of vCPUs that each run on one CPU.
[[nodiscard]] CacheGroups real_caches(const Topology& topology,
                                      const std::map<VcpuId, CpuId>& pins);

// The numbers of CPUID on `cpu`, as far as the topology gives them. Exact on AMD. Intel counts in
// powers of two and may claim more, which changes nothing for a guest that stays within one such
// cache.
[[nodiscard]] CacheSharing cache_sharing(const Topology& topology, CpuId cpu);

// The least power of two that is not smaller.
[[nodiscard]] std::uint32_t padded(std::uint32_t count);

} // namespace virtpind
