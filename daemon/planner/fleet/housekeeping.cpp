// SPDX-License-Identifier: LGPL-2.1-or-later
#include "housekeeping.hpp"

#include "daemon/planner/place/charges.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <tuple>
#include <utility>

namespace virtpind {

namespace {

constexpr std::size_t cores_for_housekeeping = 4; // a smaller node keeps all its cores

CoreClass class_of(const Topology& topology, KindIndex kind)
{
    return at_id(topology.kinds, kind).core_class;
}

// The lowest core with usable CPUs for which `fits` holds, if any: its usable CPUs.
template <class Fits>
CpuSet lowest_core(const Topology& topology, const CpuSet& usable, Fits fits)
{
    for (const auto& core : topology.cores) {
        auto cpus = core.cpus & usable;
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

// The efficiency cores that share an L2 with these CPUs of one: they are one place for threads, and
// one of them alone would have to serve all of a guest's emulator and I/O threads.
CpuSet cluster_of(const Topology& topology, const CpuSet& core, KindIndex kind)
{
    for (const auto& cache : topology.caches) {
        if (cache.level == 2 && cache.cpus.intersects(core)) {
            return (cache.cpus & at_id(topology.kinds, kind).cpus) | core;
        }
    }
    return core;
}

// Absent from the description of the host, its devices are the host's.
bool serves_io(const Topology& topology, const Node& node, const std::set<std::string>& passed)
{
    auto known = false;
    for (const auto& device : topology.devices) {
        if (!device.does_io || device.nodes != NodeSet{node.id}) {
            continue;
        }
        if (!passed.contains(pci_resource(device.address))) {
            return true;
        }
        known = true;
    }
    return node.has_io && !known;
}

} // namespace

CpuSet auto_housekeeping(const Topology& topology, const CpuSet& usable,
                         const std::vector<Intent>& intents, Efficiency efficiency)
{
    // The host's threads float there, which they do not on isolated CPUs.
    const auto quiet = topology.quiet_cpus();
    const auto able = quiet.includes(usable) ? usable : usable - quiet;
    // The lowest usable core is that of CPU 0 wherever CPU 0 may be used.
    auto kept = lowest_core(topology, able, [](const Core&) { return true; });
    const auto add = [&](const CpuSet& cpus) {
        if (!(kept | cpus).includes(usable)) {
            kept |= cpus;
        }
    };
    if (kept.includes(usable)) {
        return {};
    }
    if (topology.is_hybrid()) {
        KindIndex kind{};
        const auto core = lowest_core(topology, able, [&](const Core& each) {
            kind = each.kind;
            return class_of(topology, each.kind) == CoreClass::efficiency;
        });
        if (!core.empty()) {
            add(core);
            add(efficiency == Efficiency::cluster ? cluster_of(topology, core, kind) & able : core);
        }
    }
    std::set<std::string> passed;
    for (const auto& intent : intents) {
        passed.insert(intent.exclusive.begin(), intent.exclusive.end());
    }
    for (std::uint32_t i = 0; i < topology.nodes.size(); ++i) {
        const auto& node = topology.nodes[i];
        if (!node.cpus.intersects(kept) && serves_io(topology, node, passed) &&
            usable_cores(topology, NodeIndex{i}, able) >= cores_for_housekeeping) {
            add(lowest_core(topology, able,
                            [i](const Core& core) { return core.node == NodeIndex{i}; }));
        }
    }
    return kept;
}

CpuSet cores_used_by(const HostIndex& host, const CpuSet& cpus, const CpuSet& others)
{
    CpuSet used;
    for (const auto cpu : cpus& others) {
        used |= host.cores[host.core_at(cpu)].set;
    }
    return used & cpus;
}

namespace {

// The cores with usable CPUs, the best for housekeeping first.
std::vector<const HostCore*> by_preference(const HostIndex& host, const HousekeepingTask& task)
{
    using Key = std::tuple<bool, bool, bool, bool, bool>;
    const auto nodes = host.topology->nodes_of(task.around);
    std::vector<std::pair<Key, const HostCore*>> keyed; // as they stand in the host, too
    keyed.reserve(host.cores.size());
    for (const auto& core : host.cores) {
        if (core.set.intersects(task.usable)) {
            const auto core_class = class_of(*host.topology, core.kind);
            keyed.emplace_back(Key{host.quiet.intersects(core.set),
                                   core_class == CoreClass::low_power,
                                   core_class != CoreClass::efficiency, is_big_cache(host, core.l3),
                                   nodes.contains(host.node_id(core.node))},
                               &core);
        }
    }
    std::sort(keyed.begin(), keyed.end());
    std::vector<const HostCore*> cores;
    cores.reserve(keyed.size());
    for (const auto& [key, core] : keyed) {
        cores.push_back(core);
    }
    return cores;
}

} // namespace

std::vector<CpuSet> housekeeping_elsewhere(const HostIndex& host, const HousekeepingTask& task)
{
    const auto no_place = cores_used_by(host, host.online, task.occupied | task.taken);
    std::vector<CpuSet> places;
    CpuSet seen;
    for (const auto* core : by_preference(host, task)) {
        if (no_place.intersects(core->set) || seen.intersects(core->set)) {
            continue;
        }
        const auto efficiency = class_of(*host.topology, core->kind) == CoreClass::efficiency;
        auto cpus =
            efficiency ? cluster_of(*host.topology, core->set, core->kind) - no_place : core->set;
        seen |= cpus;
        places.push_back(std::move(cpus) & task.usable);
    }
    return places;
}

CpuSet remaining_housekeeping(const HostIndex& host, const HousekeepingTask& task)
{
    auto kept = task.wished - cores_used_by(host, task.wished, task.occupied);
    if (task.wished.empty() || !kept.empty()) {
        return kept;
    }
    auto places = housekeeping_elsewhere(host, task);
    if (!places.empty()) {
        return std::move(places.front());
    }
    const auto cores = by_preference(host, task);
    const auto busy = task.occupied | task.taken;
    for (const auto* core : cores) { // half a core that nobody is on
        auto idle = (core->set & task.usable) - busy;
        if (!idle.empty()) {
            return idle;
        }
    }
    for (const auto* core : cores) {
        if (core->set.intersects(task.wished)) {
            return core->set & task.wished;
        }
    }
    return task.wished;
}

} // namespace virtpind
