// SPDX-License-Identifier: LGPL-2.1-or-later
#include "shared_pool.hpp"

#include "daemon/planner/place/cost.hpp"
#include "daemon/planner/place/current_placement.hpp"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

namespace virtpind {

SharedPool::SharedPool(const HostIndex& host, Pool pool, CpuSet housekeeping, CpuSet usable)
    : host_{host}
    , pool_{std::move(pool.cpus)}
    , used_last_{std::move(pool.used_last)}
    , housekeeping_{host.quiet.includes(housekeeping) ? CpuSet{} : housekeeping - host.quiet}
    , usable_{std::move(usable)}
    , nodes_{host, pool_}
{}

// The wished kind when it holds the domain, else another one that does, else all of them, without
// low-power cores. These are only for those who take any kind and find too few others.
CpuSet SharedPool::kind_part(const Intent& intent, const CpuSet& cpus) const
{
    const auto wish = intent.policy.cores;
    if (!host_.topology->is_hybrid()) {
        return cpus;
    }
    CpuSet best;
    std::tuple<bool, bool, std::size_t> best_key{};
    CpuSet usual; // all but low-power cores
    for (const auto& kind : host_.topology->kinds) {
        auto part = cpus & kind.cpus;
        if (part.empty() || kind.core_class == CoreClass::low_power) {
            continue;
        }
        usual |= part;
        const std::tuple key{part.size() >= intent.all_online().size(),
                             is_wished(kind.core_class, wish), part.size()};
        if (key > best_key) {
            best_key = key;
            best = std::move(part);
        }
    }
    const auto holds = std::get<0>(best_key);
    if (wish == CoreChoice::any) {
        return !usual.empty() && usual.size() >= intent.all_online().size() ? usual : cpus;
    }
    return holds ? best : usual.empty() ? cpus : usual;
}

// What the domain's own restrictions leave. Nobody is confined to a part of what is not the pool:
// on a single CPU it would look placed.
void SharedPool::reach(const Intent& intent, Share& share) const
{
    auto where = host_.floatable(usable_);
    if (intent.memory_locked) {
        const auto home = usable_ & host_.topology->cpus_of(home_nodes(host_, intent));
        share.bound_by_memory = !home.empty() && home != usable_;
        where = home.empty() ? where : host_.floatable(home);
    }
    share.on = pool_.intersects(where)           ? Share::On::pool
               : housekeeping_.intersects(where) ? Share::On::housekeeping
                                                 : Share::On::claimed;
    const auto& cpus = intent.policy.cpus;
    const auto near_devices = device_cpus(host_, intent);
    if (share.on != Share::On::pool) {
        share.cpus = share.on == Share::On::housekeeping ? housekeeping_ & where : where;
        share.beyond_cpus = !cpus.empty() && !cpus.includes(share.cpus);
        share.off_devices = near_devices && !near_devices->includes(share.cpus);
        return;
    }
    share.cpus = pool_ & where;
    share.beyond_cpus = !cpus.empty() && !cpus.intersects(share.cpus);
    if (!cpus.empty() && !share.beyond_cpus) {
        share.cpus &= cpus;
    }
    // Rather away from its devices than on too few CPUs.
    share.off_devices = near_devices && kind_part(intent, *near_devices & share.cpus).size() <
                                            intent.all_online().size();
    if (near_devices && !share.off_devices) {
        share.cpus &= *near_devices;
    }
}

Share SharedPool::find(const Intent& intent, const MemoryLedger::Amounts& available) const
{
    Share share;
    reach(intent, share);
    share.cpus = kind_part(intent, share.cpus);
    const auto nodes = share.on == Share::On::pool
                           ? nodes_.choose(intent, share.cpus, used_last_, available)
                           : nodes_.all_of(share.cpus);
    share.cpus &= nodes_.cpus_of(nodes);
    std::uint64_t memory = 0;
    const auto needed = memory_to_bind(intent);
    for (const auto node : nodes) {
        memory += std::min(available[node].value_or(needed), needed);
    }
    share.holds = share.cpus.size() >= intent.all_online().size();
    share.over_nodes = intent.policy.numa == NumaChoice::single && nodes.size() > 1;
    share.memory_short = memory < needed;
    const auto own = host_.topology->nodes_of(share.cpus);
    share.memory_nodes = share.memory_short ? nodes_with(needed, available, own) : own;
    const auto kinds =
        std::count_if(host_.topology->kinds.begin(), host_.topology->kinds.end(),
                      [&share](const Kind& kind) { return kind.cpus.intersects(share.cpus); });
    share.mixed = kinds > 1;
    return share;
}

Share SharedPool::find_beside(const Intent& intent, const CpuSet& own) const
{
    auto floats = intent;
    floats.vcpus_online = std::exchange(floats.floating, {});
    floats.memory_locked = false; // memory and devices are near the others
    floats.policy.device = DeviceChoice::prefer;
    const auto count = std::max<std::size_t>(floats.vcpus_online.size(), 1);
    Share share;
    reach(floats, share);
    auto part = kind_part(floats, share.cpus);
    if (const auto others = part - used_last_; others.size() >= count) {
        part = others;
    }
    share.cpus = share.on == Share::On::claimed ? own : near_part(part, own, count);
    share.holds = share.cpus.size() >= count;
    return share;
}

// Of the L3s that have some of `own`, else of their nodes, else with the nearest nodes: as soon as
// there are `count`.
CpuSet SharedPool::near_part(const CpuSet& cpus, const CpuSet& own, std::size_t count) const
{
    CpuSet near;
    for (const auto& l3 : host_.l3_cpus) {
        near |= l3.intersects(own) ? l3 & cpus : CpuSet{};
    }
    if (near.size() >= count) {
        return near;
    }
    const auto nodes = host_.topology->nodes_of(own);
    near = cpus & host_.topology->cpus_of(nodes);
    std::vector<NodeIndex> order;
    for (std::uint32_t node = 0; node < host_.node_cpus.size(); ++node) {
        order.push_back(NodeIndex{node});
    }
    std::stable_sort(order.begin(), order.end(), [&](NodeIndex a, NodeIndex b) {
        return host_.distance_to(a, nodes) < host_.distance_to(b, nodes);
    });
    for (auto node = order.begin(); node != order.end() && near.size() < count; ++node) {
        near |= cpus & at_id(host_.node_cpus, *node);
    }
    return near;
}

NodeSet SharedPool::nodes_with(std::uint64_t memory_kib, const MemoryLedger::Amounts& available,
                               const NodeSet& near) const
{
    std::vector<NodeIndex> order;
    for (std::uint32_t node = 0; node < available.size(); ++node) {
        if (available[node] != 0U) {
            order.push_back(NodeIndex{node});
        }
    }
    std::stable_sort(order.begin(), order.end(), [&](NodeIndex a, NodeIndex b) {
        return host_.distance_to(a, near) < host_.distance_to(b, near);
    });
    NodeSet nodes;
    std::uint64_t found = 0;
    for (const auto node : order) {
        nodes.insert(host_.node_id(node));
        found += at_id(available, node).value_or(memory_kib);
        if (found >= memory_kib) {
            return nodes;
        }
    }
    return {};
}

} // namespace virtpind
