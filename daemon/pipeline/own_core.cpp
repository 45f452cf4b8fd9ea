// SPDX-License-Identifier: LGPL-2.1-or-later
#include "own_core.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <tuple>

namespace virtpind {

namespace {

// Distance from a core to the nearest of the nodes.
std::uint32_t distance_to(const HostIndex& host, NodeIndex node, const IdSet<NodeIndex>& nodes)
{
    auto nearest = std::numeric_limits<std::uint32_t>::max();
    for (const auto other : nodes) {
        nearest = std::min(nearest, node == other ? 0 : host.distance(node, other));
    }
    return nearest;
}

} // namespace

CpuSet present_own_core(const HostIndex& host, const CpuSet& free, const CpuSet& present)
{
    const auto here = !present.empty() && free.includes(present) &&
                      host.cores[host.core_at(present.front())].set.includes(present);
    return here ? present : CpuSet{};
}

CpuSet choose_own_core(const HostIndex& host, const Intent& intent, const CpuSet& free,
                       const CpuSet& vcpus, const CpuSet& present)
{
    if (auto here = present_own_core(host, free, present); !here.empty()) {
        return here;
    }
    IdSet<NodeIndex> nodes;
    IdSet<L3Index> l3s;
    for (const auto cpu : vcpus) {
        nodes.insert(host.cpu(cpu).node);
        l3s.insert(host.cpu(cpu).l3);
    }
    using Key = std::tuple<std::uint32_t, bool, bool, bool>;
    std::optional<Key> best;
    CpuSet chosen;
    for (const auto& core : host.cores) {
        auto cpus = core.set & free;
        if (!intent.policy.cpus.empty()) {
            cpus &= intent.policy.cpus;
        }
        if (cpus.empty()) {
            continue;
        }
        const auto core_class = host.topology->kinds[raw(core.kind)].core_class;
        const Key key{distance_to(host, core.node, nodes), core_class != CoreClass::efficiency,
                      cpus.size() != core.cpus.size(), !l3s.contains(core.l3)};
        if (!best || key < *best) {
            best = key;
            chosen = std::move(cpus);
        }
    }
    return chosen;
}

} // namespace virtpind
