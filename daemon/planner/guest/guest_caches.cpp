// SPDX-License-Identifier: LGPL-2.1-or-later
#include "guest_caches.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace virtpind {

namespace {

// Bits that the numbers 0..count-1 need; QEMU's apicid_bitwidth_for_count().
unsigned width(std::uint32_t count)
{
    return static_cast<unsigned>(std::bit_width(std::max(count, 1U) - 1));
}

// Where the fields of an APIC id begin. x86 has no field for clusters: their cores count on.
struct ApicFields {
    explicit ApicFields(const GuestTopology& guest)
        : core{width(guest.threads)}
        , die{core + width(guest.clusters * guest.cores)}
        , package{die + width(guest.dies)}
    {}

    unsigned core;
    unsigned die;
    unsigned package;
};

template <class KeyOf>
std::vector<VcpuSet> grouped(const VcpuSet& vcpus, KeyOf key_of)
{
    std::vector<VcpuSet> groups;
    std::map<std::uint64_t, std::size_t> positions;
    for (const auto vcpu : vcpus) {
        const auto [at, is_new] = positions.try_emplace(key_of(vcpu), groups.size());
        if (is_new) {
            groups.emplace_back();
        }
        groups[at->second].insert(vcpu);
    }
    return groups;
}

std::vector<VcpuSet> by_apic_block(const GuestTopology& guest, const VcpuSet& vcpus, unsigned shift)
{
    return grouped(vcpus, [&guest, shift](VcpuId vcpu) {
        return std::uint64_t{apic_id(guest, vcpu) >> shift};
    });
}

// The cache of `level` around a CPU that holds data, if the topology has one.
const Cache* cache_around(const Topology& topology, unsigned level, CpuId cpu)
{
    const auto at =
        std::find_if(topology.caches.begin(), topology.caches.end(), [=](const Cache& cache) {
            return cache.level == level && cache.type != Cache::Type::instruction &&
                   cache.cpus.contains(cpu);
        });
    return at != topology.caches.end() ? &*at : nullptr;
}

std::vector<VcpuSet> by_host_cache(const Topology& topology, const std::map<VcpuId, CpuId>& pins,
                                   unsigned level)
{
    VcpuSet vcpus;
    for (const auto& [vcpu, cpu] : pins) {
        if (cache_around(topology, level, cpu) == nullptr) {
            return {};
        }
        vcpus.insert(vcpu);
    }
    return grouped(vcpus, [&](VcpuId vcpu) {
        const auto* cache = cache_around(topology, level, pins.at(vcpu));
        return static_cast<std::uint64_t>(cache - topology.caches.data());
    });
}

} // namespace

CpuVendor cpu_vendor(std::string_view cpuid_vendor)
{
    if (cpuid_vendor == "GenuineIntel") {
        return CpuVendor::intel;
    }
    return cpuid_vendor == "AuthenticAMD" || cpuid_vendor == "HygonGenuine" ? CpuVendor::amd
                                                                            : CpuVendor::unknown;
}

std::uint32_t padded(std::uint32_t count)
{
    return std::uint32_t{1} << width(count);
}

std::uint32_t apic_id(const GuestTopology& guest, VcpuId vcpu)
{
    const auto cores = guest.clusters * guest.cores;
    const auto thread = raw(vcpu) % guest.threads;
    const auto core = raw(vcpu) / guest.threads % cores;
    const auto die = raw(vcpu) / (guest.threads * cores) % guest.dies;
    const auto package = raw(vcpu) / (guest.threads * cores * guest.dies);
    const ApicFields at{guest};
    return (package << at.package) | (die << at.die) | (core << at.core) | thread;
}

CacheGroups predict_guest_caches(const GuestTopology& guest, const VcpuSet& enabled,
                                 CpuVendor vendor, const CacheSharing& host)
{
    const auto package_shift = ApicFields{guest}.package;
    const auto package_vcpus = guest.dies * guest.clusters * guest.cores * guest.threads;
    const auto groups = [&](std::uint32_t sharing) {
        if (sharing == 0) {
            return std::vector<VcpuSet>{};
        }
        const auto cut = vendor == CpuVendor::intel && sharing > package_vcpus;
        return by_apic_block(guest, enabled, cut ? package_shift : width(sharing));
    };
    return {.l1 = groups(host.l1), .l2 = groups(host.l2), .l3 = groups(host.l3)};
}

CacheGroups predict_emulated_caches(const GuestTopology& guest, const VcpuSet& enabled)
{
    const ApicFields at{guest};
    const auto cores = by_apic_block(guest, enabled, at.core);
    return {.l1 = cores, .l2 = cores, .l3 = by_apic_block(guest, enabled, at.die)};
}

CacheGroups real_caches(const Topology& topology, const std::map<VcpuId, CpuId>& pins)
{
    return {.l1 = by_host_cache(topology, pins, 1),
            .l2 = by_host_cache(topology, pins, 2),
            .l3 = by_host_cache(topology, pins, 3)};
}

CacheSharing cache_sharing(const Topology& topology, CpuId cpu)
{
    const auto sharing = [&topology, cpu](unsigned level) {
        const auto* cache = cache_around(topology, level, cpu);
        return cache != nullptr ? static_cast<std::uint32_t>(cache->cpus.size()) : 0;
    };
    return {.l1 = sharing(1), .l2 = sharing(2), .l3 = sharing(3)};
}

} // namespace virtpind
