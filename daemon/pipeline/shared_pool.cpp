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

} // namespace

SharedPool::SharedPool(const HostIndex& host, const CpuSet& pool, const CpuSet& spare)
    : host_{host}, on_spare_{pool.empty()}, pool_{pool.empty() ? spare : pool}
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

// What the domain's own restrictions leave of the pool; the whole pool where nothing is left.
CpuSet SharedPool::cpus_for(const Intent& intent, const CpuSet& of) const
{
    auto cpus = of;
    if (!on_spare_ && cpus.intersects(intent.policy.cpus)) {
        cpus &= intent.policy.cpus;
    }
    const auto home = host_.topology->cpus_of(home_nodes(host_, intent));
    if (intent.memory_locked && cpus.intersects(home)) {
        cpus &= home;
    }
    return kind_part(intent, cpus);
}

SharedPool::Nodes SharedPool::choose(const Intent& intent, const CpuSet& cpus,
                                     const MemoryBook& memory) const
{
    const auto wanted = intent.vcpus_online.size();
    const auto local = device_nodes(host_, intent);
    const auto home = home_nodes(host_, intent);
    const auto present = present_nodes(host_, intent);
    const auto available = memory.available(intent);
    const auto needed =
        intent.policy.memory == MemoryChoice::follow ? intent.memory_kib : std::uint64_t{0};
    Nodes candidates;
    for (std::size_t node = 0; node < pool_size_.size(); ++node) {
        if (cpus.intersects(host_.node_cpus[node])) {
            candidates.push_back(node);
        }
    }
    const auto holds_alone = [&](std::size_t node) {
        return cpus.common(host_.node_cpus[node]) >= wanted &&
               (!available[node] || *available[node] >= needed);
    };
    const auto some_hold = std::any_of(candidates.begin(), candidates.end(), holds_alone);
    // One node that holds it where there is one; else the largest, for these make the fewest.
    const auto key = [&](std::size_t node) {
        const auto id = host_.topology->nodes[node].id;
        const auto smaller = some_hold ? 0 : pool_.size() - cpus.common(host_.node_cpus[node]);
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
    Nodes nodes;
    std::size_t room = 0;
    std::uint64_t memory_room = 0;
    for (const auto node : candidates) {
        nodes.push_back(node);
        room += cpus.common(host_.node_cpus[node]);
        memory_room += available[node].value_or(needed);
        if (!on_spare_ && room >= wanted && memory_room >= needed) {
            break;
        }
    }
    return nodes;
}

SharedPool::Share SharedPool::admit(const Intent& intent, const MemoryBook& memory)
{
    const auto cpus = cpus_for(intent, pool_);
    Share share;
    const auto nodes = choose(intent, cpus, memory);
    for (const auto node : nodes) {
        share.cpus |= cpus & host_.node_cpus[node];
    }
    for (const auto node : nodes) {
        const auto part = static_cast<double>(share.cpus.common(host_.node_cpus[node]));
        vcpus_[node] += static_cast<double>(intent.vcpus_online.size()) * part /
                        static_cast<double>(share.cpus.size());
    }
    share.holds = share.cpus.size() >= intent.vcpus_online.size();
    const auto kinds =
        std::count_if(host_.topology->kinds.begin(), host_.topology->kinds.end(),
                      [&share](const Kind& kind) { return kind.cpus.intersects(share.cpus); });
    share.mixed = kinds > 1;
    return share;
}

} // namespace virtpind
