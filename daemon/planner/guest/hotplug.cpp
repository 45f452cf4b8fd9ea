// SPDX-License-Identifier: LGPL-2.1-or-later
#include "hotplug.hpp"

#include <algorithm>
#include <vector>

namespace virtpind {

namespace {

// Offline vCPUs in the order in which they are to be plugged.
VcpuSet behind(const VcpuCount& count)
{
    const auto known = !count.boot.empty() && raw(count.boot.back()) < count.vcpus_max;
    const auto first = known ? raw(count.boot.back()) + 1 : 0;
    return first < count.vcpus_max ? VcpuSet::range(first, count.vcpus_max - 1) : VcpuSet{};
}

} // namespace

VcpuChoice choose_vcpus(const VcpuCount& count)
{
    VcpuChoice choice{.vcpus = count.now};
    const auto wanted = count.wanted == 0 ? count.now.size() : count.wanted;
    const auto grow = [&](const VcpuSet& candidates) {
        for (const auto vcpu : candidates) {
            if (choice.vcpus.size() < wanted && raw(vcpu) < count.vcpus_max) {
                choice.vcpus.insert(vcpu);
            }
        }
    };
    grow(count.boot);
    grow(behind(count));
    std::vector<VcpuId> last_first(count.now.begin(), count.now.end());
    std::reverse(last_first.begin(), last_first.end());
    for (const auto vcpu : last_first) {
        if (choice.vcpus.size() > wanted && raw(vcpu) != 0 && count.unpluggable.contains(vcpu)) {
            choice.vcpus.erase(vcpu);
        }
    }
    const auto reached = choice.vcpus.size();
    choice.missing = static_cast<std::uint32_t>(wanted > reached ? wanted - reached : 0);
    choice.surplus = static_cast<std::uint32_t>(reached > wanted ? reached - wanted : 0);
    return choice;
}

} // namespace virtpind
