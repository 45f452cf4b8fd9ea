// SPDX-License-Identifier: LGPL-2.1-or-later
#include "foreign.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>
#include <vector>

namespace virtpind {

namespace {

// The online part of each narrow mask, by vCPU.
std::vector<CpuSet> narrow_masks(const HostIndex& host, const Intent& intent)
{
    std::vector<CpuSet> masks;
    for (const auto vcpu : intent.vcpus_online) {
        const auto own = intent.current.vcpus.find(vcpu);
        const auto& general = intent.current.vcpu_cpuset;
        const auto* mask = own != intent.current.vcpus.end() ? &own->second
                           : general                         ? &*general
                                                             : nullptr;
        if (mask != nullptr && !mask->includes(host.online) && mask->intersects(host.online)) {
            masks.push_back(*mask & host.online);
        }
    }
    return masks;
}

bool is_within_one_core(const HostIndex& host, const CpuSet& mask)
{
    return host.cores[host.core_at(mask.front())].set.includes(mask);
}

// CPUs that some mask joins, each group by one of them.
class Groups {
public:
    explicit Groups(const CpuSet& cpus) : leader_(std::size_t{raw(cpus.back())} + 1)
    {
        std::iota(leader_.begin(), leader_.end(), std::size_t{0});
    }

    void join(const CpuSet& mask)
    {
        const auto first = leader_of(mask.front());
        for (const auto cpu : mask) {
            leader_[leader_of(cpu)] = first;
        }
    }

    std::size_t leader_of(CpuId cpu)
    {
        auto at = std::size_t{raw(cpu)};
        while (leader_[at] != at) {
            leader_[at] = leader_[leader_[at]];
            at = leader_[at];
        }
        return at;
    }

private:
    std::vector<std::size_t> leader_; // by CPU id
};

} // namespace

Footprint footprint_of(const HostIndex& host, const Intent& intent)
{
    Footprint footprint;
    auto masks = narrow_masks(host, intent);
    std::erase_if(masks, [&](const CpuSet& mask) {
        const auto one_core = is_within_one_core(host, mask);
        footprint.claimed |= one_core ? mask : CpuSet{};
        return one_core;
    });
    if (masks.empty()) {
        return footprint;
    }
    Groups groups{host.online};
    for (const auto& mask : masks) {
        groups.join(mask);
    }
    std::map<std::size_t, std::pair<CpuSet, std::size_t>> by_leader; // CPUs and vCPUs
    for (const auto& mask : masks) {
        auto& [cpus, vcpus] = by_leader[groups.leader_of(mask.front())];
        cpus |= mask;
        ++vcpus;
    }
    for (const auto& [leader, group] : by_leader) {
        const auto& [cpus, vcpus] = group;
        const auto float_there = cpus.size() > vcpus;
        (float_there ? footprint.floats : footprint.claimed) |= cpus;
        footprint.floating += float_there ? vcpus : 0;
    }
    footprint.floats -= footprint.claimed;
    return footprint;
}

} // namespace virtpind
