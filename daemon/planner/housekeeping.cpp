// SPDX-License-Identifier: LGPL-2.1-or-later
#include "housekeeping.hpp"

#include <algorithm>

namespace virtpind {

namespace {

constexpr std::size_t cores_for_housekeeping = 4; // a smaller node keeps all its cores

CpuSet usable_part(const Core& core, const CpuSet& usable)
{
    return core.cpus & usable;
}

// The lowest core with usable CPUs for which `fits` holds, if any: its usable CPUs.
template <class Fits>
CpuSet lowest_core(const Topology& topology, const CpuSet& usable, Fits fits)
{
    for (const auto& core : topology.cores) {
        auto cpus = usable_part(core, usable);
        if (!cpus.empty() && fits(core)) {
            return cpus;
        }
    }
    return {};
}

std::size_t usable_cores(const Topology& topology, NodeIndex node, const CpuSet& usable)
{
    return static_cast<std::size_t>(
        std::count_if(topology.cores.begin(), topology.cores.end(), [&](const Core& core) {
            return core.node == node && core.cpus.intersects(usable);
        }));
}

} // namespace

CpuSet auto_housekeeping(const Topology& topology, const CpuSet& usable)
{
    // The host's threads float there, which they do not on isolated CPUs.
    const auto quiet = topology.quiet_cpus();
    const auto able = quiet.includes(usable) ? usable : usable - quiet;
    // The lowest usable core is that of CPU 0 wherever CPU 0 may be used.
    auto kept = lowest_core(topology, able, [](const Core&) { return true; });
    const auto add = [&](CpuSet cpus) {
        if (!(kept | cpus).includes(usable)) {
            kept |= cpus;
        }
    };
    if (kept.includes(usable)) {
        return {};
    }
    const auto is_efficiency = [&topology](const Core& core) {
        return at_id(topology.kinds, core.kind).core_class == CoreClass::efficiency;
    };
    if (topology.is_hybrid()) {
        add(lowest_core(topology, able, is_efficiency));
    }
    for (std::uint32_t i = 0; i < topology.nodes.size(); ++i) {
        const auto& node = topology.nodes[i];
        if (node.has_io && !node.cpus.intersects(kept) &&
            usable_cores(topology, NodeIndex{i}, able) >= cores_for_housekeeping) {
            add(lowest_core(topology, able,
                            [i](const Core& core) { return core.node == NodeIndex{i}; }));
        }
    }
    return kept;
}

} // namespace virtpind
