// SPDX-License-Identifier: LGPL-2.1-or-later
#include "shared_pool.hpp"

#include "scoring.hpp"
#include "standing.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <tuple>

namespace virtpind {

namespace {

// Where a running domain is pinned now.
NodeSet present_nodes(const HostIndex& host, const Intent& intent)
{
    if (intent.activity != Activity::running) {
        return {};
    }
    return host.topology->nodes_of(intent.current.narrow_cpus(host.online, intent.vcpus_online));
}

// Memory that has to be free on its nodes.
std::uint64_t memory_to_bind(const Intent& intent)
{
    return intent.policy.memory == MemoryChoice::follow ? intent.memory_kib : 0;
}

} // namespace

SharedPool::SharedPool(const HostIndex& host, CpuSet pool, CpuSet housekeeping, CpuSet usable)
    : host_{host}
    , pool_{std::move(pool)}
    , housekeeping_{std::move(housekeeping)}
    , usable_{std::move(usable)}
{
    for (const auto& cpus : host.node_cpus) {
        pool_size_.push_back(cpus.common(pool_));
    }
    vcpus_.assign(pool_size_.size(), 0);
}

double SharedPool::load(std::size_t node, std::size_t more) const
{
    const auto cpus = std::max<std::size_t>(pool_size_[node], 1);
    return (vcpus_[node] + static_cast<double>(more)) / static_cast<double>(cpus);
}

// The wished kind when it holds the domain, else another one that does, else all of them.
CpuSet SharedPool::kind_part(const Intent& intent, const CpuSet& cpus) const
{
    const auto wish = intent.policy.cores;
    if (wish == CoreChoice::any || !host_.topology->is_hybrid()) {
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
        const std::tuple key{part.size() >= intent.vcpus_online.size(),
                             is_wished(kind.core_class, wish), part.size()};
        if (key > best_key) {
            best_key = key;
            best = std::move(part);
        }
    }
    const auto holds = std::get<0>(best_key);
    return holds ? best : usual.empty() ? cpus : usual;
}

// What the domain's own restrictions leave. Nobody is confined to a part of what is not the pool:
// on a single CPU it would look placed.
void SharedPool::reach(const Intent& intent, Share& share) const
{
    auto where = usable_;
    if (intent.memory_locked) {
        const auto home = usable_ & host_.topology->cpus_of(home_nodes(host_, intent));
        share.bound_by_memory = !home.empty() && home != usable_;
        where = home.empty() ? usable_ : home;
    }
    share.on = pool_.intersects(where)           ? Share::On::pool
               : housekeeping_.intersects(where) ? Share::On::housekeeping
                                                 : Share::On::claimed;
    const auto& cpus = intent.policy.cpus;
    if (share.on != Share::On::pool) {
        share.cpus = share.on == Share::On::housekeeping ? housekeeping_ & where : where;
        share.beyond_cpus = !cpus.empty() && !cpus.includes(share.cpus);
        return;
    }
    share.cpus = pool_ & where;
    share.beyond_cpus = !cpus.empty() && !cpus.intersects(share.cpus);
    if (!cpus.empty() && !share.beyond_cpus) {
        share.cpus &= cpus;
    }
}

// numa=spread: the most nodes that can have equal parts of the vCPUs; all where none can.
SharedPool::Nodes SharedPool::even_nodes(const Intent& intent, const Share& of,
                                         Nodes candidates) const
{
    const auto room = [&](std::size_t node) { return of.cpus.common(host_.node_cpus[node]); };
    std::stable_sort(candidates.begin(), candidates.end(),
                     [&room](std::size_t a, std::size_t b) { return room(a) > room(b); });
    const auto wanted = intent.vcpus_online.size();
    for (auto count = std::min(candidates.size(), wanted); count > 1; --count) {
        if (room(candidates[count - 1]) * count >= wanted) {
            candidates.resize(count);
            break;
        }
    }
    return candidates;
}

SharedPool::Nodes SharedPool::choose(const Intent& intent, const Share& of,
                                     const MemoryBook::Amounts& available) const
{
    const auto wanted = intent.vcpus_online.size();
    const auto local = device_nodes(host_, intent);
    const auto home = home_nodes(host_, intent);
    const auto present = present_nodes(host_, intent);
    const auto needed = memory_to_bind(intent);
    Nodes candidates;
    for (std::size_t node = 0; node < pool_size_.size(); ++node) {
        if (of.cpus.intersects(host_.node_cpus[node])) {
            candidates.push_back(node);
        }
    }
    // Locked memory is on all of its nodes and does not move, so neither do the vCPUs between them.
    const auto bound = intent.memory_locked && !home.empty();
    if (of.on != Share::On::pool || bound) {
        return candidates;
    }
    const auto holds_alone = [&](std::size_t node) {
        return of.cpus.common(host_.node_cpus[node]) >= wanted &&
               (!available[node] || *available[node] >= needed);
    };
    const auto some_hold = std::any_of(candidates.begin(), candidates.end(), holds_alone);
    // One node that holds it where there is one; else the largest, for these make the fewest.
    const auto key = [&](std::size_t node) {
        const auto id = host_.topology->nodes[node].id;
        const auto smaller = some_hold ? 0 : pool_.size() - of.cpus.common(host_.node_cpus[node]);
        return std::tuple{!holds_alone(node),
                          smaller,
                          !local.empty() && !local.contains(id),
                          !home.contains(id),
                          !present.contains(id),
                          load(node, wanted),
                          node};
    };
    std::sort(candidates.begin(), candidates.end(),
              [&key](std::size_t a, std::size_t b) { return key(a) < key(b); });
    if (intent.policy.numa == NumaChoice::spread) {
        return even_nodes(intent, of, std::move(candidates));
    }
    Nodes nodes;
    std::size_t room = 0;
    std::uint64_t memory_room = 0;
    for (const auto node : candidates) {
        nodes.push_back(node);
        room += of.cpus.common(host_.node_cpus[node]);
        memory_room += available[node].value_or(needed);
        if (room >= wanted && memory_room >= needed) {
            break;
        }
    }
    return nodes;
}

Share SharedPool::find(const Intent& intent, const MemoryBook::Amounts& available) const
{
    Share share;
    reach(intent, share);
    share.cpus = kind_part(intent, share.cpus);
    const auto nodes = choose(intent, share, available);
    CpuSet chosen;
    std::uint64_t memory = 0;
    const auto needed = memory_to_bind(intent);
    for (const auto node : nodes) {
        chosen |= share.cpus & host_.node_cpus[node];
        memory += std::min(available[node].value_or(needed), needed);
    }
    share.cpus = std::move(chosen);
    share.holds = share.cpus.size() >= intent.vcpus_online.size();
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

NodeSet SharedPool::nodes_with(std::uint64_t memory_kib, const MemoryBook::Amounts& available,
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
        found += available[raw(node)].value_or(memory_kib);
        if (found >= memory_kib) {
            return nodes;
        }
    }
    return {};
}

void SharedPool::admit(const Intent& intent, const Share& share)
{
    const auto vcpus = static_cast<double>(intent.vcpus_online.size());
    for (std::size_t node = 0; node < vcpus_.size(); ++node) {
        const auto part = static_cast<double>(share.cpus.common(host_.node_cpus[node]));
        vcpus_[node] += vcpus * part / static_cast<double>(share.cpus.size());
    }
}

} // namespace virtpind
