// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pool_nodes.hpp"

#include "daemon/planner/place/cost.hpp"
#include "daemon/planner/place/current_placement.hpp"
#include "daemon/planner/place/node_subsets.hpp"

#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

namespace virtpind {

namespace {

// Where a running domain is pinned now.
NodeSet present_nodes(const HostIndex& host, const Intent& intent)
{
    if (intent.activity != Activity::running) {
        return {};
    }
    return host.topology->nodes_of(intent.current.narrow_cpus(host.online, intent.all_online()));
}

} // namespace

std::uint64_t memory_to_bind(const Intent& intent)
{
    return intent.policy.memory == MemoryChoice::follow ? intent.memory_kib : 0;
}

PoolNodes::PoolNodes(const HostIndex& host, const CpuSet& pool) : host_{host}
{
    for (const auto& cpus : host.node_cpus) {
        pool_size_.push_back(cpus.common(pool));
    }
    vcpus_.assign(pool_size_.size(), 0);
}

double PoolNodes::load_with(std::size_t node, std::size_t more) const
{
    const auto cpus = std::max<std::size_t>(pool_size_[node], 1);
    return (vcpus_[node] + static_cast<double>(more)) / static_cast<double>(cpus);
}

// numa=spread: the most nodes that can have equal parts of the vCPUs; all where none can.
PoolNodes::Nodes PoolNodes::even_nodes(const Intent& intent, const CpuSet& of,
                                       Nodes candidates) const
{
    const auto cpus_on = [&](std::size_t node) { return of.common(host_.node_cpus[node]); };
    std::stable_sort(candidates.begin(), candidates.end(),
                     [&cpus_on](std::size_t a, std::size_t b) { return cpus_on(a) > cpus_on(b); });
    const auto wanted = intent.all_online().size();
    for (auto count = std::min(candidates.size(), wanted); count > 1; --count) {
        if (cpus_on(candidates[count - 1]) * count >= wanted) {
            candidates.resize(count);
            break;
        }
    }
    return candidates;
}

// The nodes that have something of it.
PoolNodes::Nodes PoolNodes::all_of(const CpuSet& cpus) const
{
    Nodes candidates;
    for (std::size_t node = 0; node < pool_size_.size(); ++node) {
        if (cpus.intersects(host_.node_cpus[node])) {
            candidates.push_back(node);
        }
    }
    return candidates;
}

struct PoolNodes::Demand {
    std::size_t vcpus = 0;
    std::uint64_t memory_kib = 0;
    NodeSet local;                       // to its devices
    NodeSet home;                        // of its memory
    NodeSet present;                     // that it is pinned to
    std::vector<std::uint64_t> memory{}; // KiB by NodeIndex
    std::vector<std::size_t> capacity{}; // CPUs by NodeIndex, of the part that is looked at

    // Whether `chosen` and some `more` of `others` could have enough, CPUs and memory each looked
    // at alone: exact for no more.
    [[nodiscard]] bool suffices(const Nodes& chosen, const Nodes& others, std::size_t more) const
    {
        return sum(capacity, chosen, others, more) >= vcpus &&
               sum(memory, chosen, others, more) >= memory_kib;
    }

    // Of the chosen, and the largest `more` of the others.
    template <class Amount>
    static Amount sum(const std::vector<Amount>& amounts, const Nodes& chosen, const Nodes& others,
                      std::size_t more)
    {
        std::vector<Amount> parts;
        for (const auto node : others) {
            parts.push_back(amounts[node]);
        }
        std::sort(parts.begin(), parts.end(), std::greater<>{});
        parts.resize(std::min(more, parts.size()));
        auto total = std::accumulate(parts.begin(), parts.end(), Amount{});
        for (const auto node : chosen) {
            total += amounts[node];
        }
        return total;
    }
};

// What one domain needs of its nodes, what they have, and which ones it would like.
PoolNodes::Demand PoolNodes::demand_of(const Intent& intent, const CpuSet& of,
                                       const MemoryLedger::Amounts& available) const
{
    Demand demand{.vcpus = intent.all_online().size(),
                  .memory_kib = memory_to_bind(intent),
                  .local = device_nodes(host_, intent),
                  .home = home_nodes(host_, intent),
                  .present = present_nodes(host_, intent)};
    // What runs has its memory already, and is not far from all memory for that.
    const auto candidates = all_of(of);
    const auto some_memory =
        std::any_of(candidates.begin(), candidates.end(),
                    [this](std::size_t node) { return !host_.lacks_memory[node]; });
    for (std::size_t node = 0; node < pool_size_.size(); ++node) {
        const auto untold =
            some_memory && host_.lacks_memory[node] ? std::uint64_t{0} : demand.memory_kib;
        demand.memory.push_back(std::min(available[node].value_or(untold), demand.memory_kib));
    }
    return demand;
}

// Smaller is better. Distances come after where a running domain is: a plan from its own result
// moves nothing.
PoolNodes::Key PoolNodes::key(const Demand& demand, const Nodes& nodes) const
{
    std::array<std::size_t, 4> outside{};
    std::uint64_t from_devices = 0;
    std::vector<NodeIndex> indexes;
    CpuSet cpus;
    auto loads = 0.0;
    for (const auto node : nodes) {
        const auto index = indexes.emplace_back(NodeIndex{static_cast<std::uint32_t>(node)});
        const auto id = host_.node_id(index);
        outside[0] += demand.local.contains(id) ? 0U : 1U;
        const auto lacking = at_id(host_.lacks_memory, index) ? 1U : 0U; // far from any
        outside[0] += lacking;
        outside[1] += lacking; // whose memory is elsewhere would follow it there
        from_devices += demand.local.empty() ? 0 : host_.distance_to(index, demand.local);
        outside[2] += demand.home.contains(id) ? 0U : 1U;
        outside[3] += demand.present.contains(id) ? 0U : 1U;
        cpus |= host_.node_cpus[node];
        loads += load_with(node, demand.vcpus);
    }
    const auto& all = host_.topology->packages;
    const auto packages = std::count_if(all.begin(), all.end(), [&cpus](const Package& package) {
        return package.cpus.intersects(cpus);
    });
    return {outside, from_devices, distance_between(host_, indexes), packages, loads, nodes};
}

// So many of the candidates that hold it, `first` and then one after the other; empty: none found.
PoolNodes::Nodes PoolNodes::choose_from(const Demand& demand, Nodes candidates, std::size_t first,
                                        std::size_t count) const
{
    Nodes nodes{first};
    std::erase(candidates, first);
    while (demand.suffices(nodes, candidates, count - nodes.size())) {
        if (nodes.size() == count) {
            return nodes;
        }
        Nodes best;
        for (const auto node : candidates) {
            auto more = nodes;
            more.push_back(node);
            auto others = candidates;
            std::erase(others, node);
            if (demand.suffices(more, others, count - more.size()) &&
                (best.empty() || key(demand, more) < key(demand, best))) {
                best = std::move(more);
            }
        }
        if (best.empty()) {
            return {};
        }
        nodes = std::move(best);
        std::erase(candidates, nodes.back());
    }
    return {};
}

// The best such set by any first one; empty: none found.
PoolNodes::Nodes PoolNodes::choose_some(const Demand& demand, const Nodes& candidates,
                                        std::size_t count) const
{
    Nodes best;
    for (const auto first : candidates) {
        auto nodes = choose_from(demand, candidates, first, count);
        if (!nodes.empty() && (best.empty() || key(demand, nodes) < key(demand, best))) {
            best = std::move(nodes);
        }
    }
    return best;
}

// Those with memory, where they have room for the domain.
PoolNodes::Nodes PoolNodes::with_memory_if_enough(const Demand& demand, Nodes candidates) const
{
    Nodes having;
    for (const auto node : candidates) {
        if (!host_.lacks_memory[node]) {
            having.push_back(node);
        }
    }
    return demand.suffices(having, {}, 0) ? having : candidates;
}

// Locked memory is on all of its nodes and does not move, so neither do the vCPUs between them.
bool PoolNodes::is_bound(const Intent& intent, const Demand& demand)
{
    return intent.memory_locked && !demand.home.empty();
}

PoolNodes::Nodes PoolNodes::choose_on(const Intent& intent, const CpuSet& of, Demand& demand) const
{
    auto candidates = all_of(of);
    demand.capacity.clear();
    for (const auto& cpus : host_.node_cpus) {
        demand.capacity.push_back(of.common(cpus));
    }
    if (is_bound(intent, demand)) {
        auto present = candidates;
        std::erase_if(present, [&](std::size_t node) {
            const auto id = host_.topology->nodes[node].id;
            return !demand.present.contains(id) && !intent.memory_nodes.contains(id);
        });
        return demand.suffices(present, {}, 0) ? present : candidates;
    }
    if (intent.policy.numa == NumaChoice::spread) {
        candidates = with_memory_if_enough(demand, std::move(candidates));
        std::sort(candidates.begin(), candidates.end(), [&](std::size_t a, std::size_t b) {
            return key(demand, {a}) < key(demand, {b});
        });
        return even_nodes(intent, of, std::move(candidates));
    }
    for (std::size_t count = 1; count < candidates.size(); ++count) {
        if (demand.suffices({}, candidates, count)) {
            if (auto nodes = choose_some(demand, candidates, count); !nodes.empty()) {
                return nodes;
            }
        }
    }
    return candidates;
}

CpuSet PoolNodes::cpus_of(const Nodes& nodes) const
{
    CpuSet cpus;
    for (const auto node : nodes) {
        cpus |= host_.node_cpus[node];
    }
    return cpus;
}

PoolNodes::Nodes PoolNodes::choose(const Intent& intent, CpuSet& cpus, const CpuSet& used_last,
                                   const MemoryLedger::Amounts& available) const
{
    auto demand = demand_of(intent, cpus, available);
    auto nodes = choose_on(intent, cpus, demand);
    auto others = cpus - used_last;
    if (!cpus.intersects(used_last) || others.size() < demand.vcpus) {
        return nodes;
    }
    const auto bound = is_bound(intent, demand);
    const auto fits_on = [&](const Nodes& chosen) {
        return (bound ? chosen == nodes : chosen.size() <= nodes.size()) &&
               demand.suffices(chosen, {}, 0);
    };
    auto elsewhere = choose_on(intent, others, demand);
    if (!fits_on(elsewhere)) { // where locked memory keeps it once it runs
        elsewhere = choose_on(intent, others & cpus_of(nodes), demand);
    }
    if (!fits_on(elsewhere)) {
        return nodes;
    }
    cpus = std::move(others);
    return elsewhere;
}

void PoolNodes::load(const CpuSet& cpus, std::size_t vcpus)
{
    for (std::size_t node = 0; node < vcpus_.size(); ++node) {
        const auto part = static_cast<double>(cpus.common(host_.node_cpus[node]));
        vcpus_[node] += static_cast<double>(vcpus) * part / static_cast<double>(cpus.size());
    }
}

} // namespace virtpind
