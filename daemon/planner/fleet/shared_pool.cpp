// SPDX-License-Identifier: LGPL-2.1-or-later
// Long: one choice, of whole domains and of the vCPUs that float beside others.
#include "shared_pool.hpp"

#include "daemon/planner/place/cost.hpp"
#include "daemon/planner/place/current_placement.hpp"
#include "daemon/planner/place/node_subsets.hpp"

#include <algorithm>
#include <functional>
#include <numeric>
#include <optional>
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

// Memory that has to be free on its nodes.
std::uint64_t memory_to_bind(const Intent& intent)
{
    return intent.policy.memory == MemoryChoice::follow ? intent.memory_kib : 0;
}

} // namespace

SharedPool::SharedPool(const HostIndex& host, Pool pool, CpuSet housekeeping, CpuSet usable)
    : host_{host}
    , pool_{std::move(pool.cpus)}
    , used_last_{std::move(pool.used_last)}
    , housekeeping_{host.quiet.includes(housekeeping) ? CpuSet{} : housekeeping - host.quiet}
    , usable_{std::move(usable)}
{
    for (const auto& cpus : host.node_cpus) {
        pool_size_.push_back(cpus.common(pool_));
    }
    vcpus_.assign(pool_size_.size(), 0);
}

double SharedPool::load_with(std::size_t node, std::size_t more) const
{
    const auto cpus = std::max<std::size_t>(pool_size_[node], 1);
    return (vcpus_[node] + static_cast<double>(more)) / static_cast<double>(cpus);
}

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

// numa=spread: the most nodes that can have equal parts of the vCPUs; all where none can.
SharedPool::Nodes SharedPool::even_nodes(const Intent& intent, const Share& of,
                                         Nodes candidates) const
{
    const auto cpus_on = [&](std::size_t node) { return of.cpus.common(host_.node_cpus[node]); };
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
SharedPool::Nodes SharedPool::candidates_for(const Share& of) const
{
    Nodes candidates;
    for (std::size_t node = 0; node < pool_size_.size(); ++node) {
        if (of.cpus.intersects(host_.node_cpus[node])) {
            candidates.push_back(node);
        }
    }
    return candidates;
}

struct SharedPool::Demand {
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
SharedPool::Demand SharedPool::demand_of(const Intent& intent, const Share& of,
                                         const MemoryLedger::Amounts& available) const
{
    Demand demand{.vcpus = intent.all_online().size(),
                  .memory_kib = memory_to_bind(intent),
                  .local = device_nodes(host_, intent),
                  .home = home_nodes(host_, intent),
                  .present = present_nodes(host_, intent)};
    // What runs has its memory already, and is not far from all memory for that.
    const auto candidates = candidates_for(of);
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
SharedPool::Key SharedPool::key(const Demand& demand, const Nodes& nodes) const
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
SharedPool::Nodes SharedPool::choose_from(const Demand& demand, Nodes candidates, std::size_t first,
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
SharedPool::Nodes SharedPool::choose_some(const Demand& demand, const Nodes& candidates,
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
SharedPool::Nodes SharedPool::with_memory_if_enough(const Demand& demand, Nodes candidates) const
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
bool SharedPool::is_bound(const Intent& intent, const Demand& demand)
{
    return intent.memory_locked && !demand.home.empty();
}

SharedPool::Nodes SharedPool::choose(const Intent& intent, const Share& of, Demand& demand) const
{
    auto candidates = candidates_for(of);
    demand.capacity.clear();
    for (const auto& cpus : host_.node_cpus) {
        demand.capacity.push_back(of.cpus.common(cpus));
    }
    if (of.on != Share::On::pool) {
        return candidates;
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

CpuSet SharedPool::cpus_of(const Nodes& nodes) const
{
    CpuSet cpus;
    for (const auto node : nodes) {
        cpus |= host_.node_cpus[node];
    }
    return cpus;
}

// The nodes of `share`, which leaves the CPUs that are used last where that costs no further node.
SharedPool::Nodes SharedPool::choose_first(const Intent& intent, Share& share,
                                           const MemoryLedger::Amounts& available) const
{
    auto demand = demand_of(intent, share, available);
    auto nodes = choose(intent, share, demand);
    if (share.on != Share::On::pool || !share.cpus.intersects(used_last_)) {
        return nodes;
    }
    auto others = share;
    others.cpus -= used_last_;
    if (others.cpus.size() < demand.vcpus) {
        return nodes;
    }
    const auto bound = is_bound(intent, demand);
    const auto fits_on = [&](const Nodes& chosen) {
        return (bound ? chosen == nodes : chosen.size() <= nodes.size()) &&
               demand.suffices(chosen, {}, 0);
    };
    auto elsewhere = choose(intent, others, demand);
    if (!fits_on(elsewhere)) {
        auto here = others; // where locked memory keeps it once it runs
        here.cpus &= cpus_of(nodes);
        elsewhere = choose(intent, here, demand);
    }
    if (!fits_on(elsewhere)) {
        return nodes;
    }
    share.cpus = std::move(others.cpus);
    return elsewhere;
}

Share SharedPool::find(const Intent& intent, const MemoryLedger::Amounts& available) const
{
    Share share;
    reach(intent, share);
    share.cpus = kind_part(intent, share.cpus);
    const auto nodes = choose_first(intent, share, available);
    CpuSet chosen;
    std::uint64_t memory = 0;
    const auto needed = memory_to_bind(intent);
    for (const auto node : nodes) {
        chosen |= share.cpus & host_.node_cpus[node];
        memory += std::min(available[node].value_or(needed), needed);
    }
    share.cpus = std::move(chosen);
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

void SharedPool::load(const CpuSet& cpus, std::size_t vcpus)
{
    for (std::size_t node = 0; node < vcpus_.size(); ++node) {
        const auto part = static_cast<double>(cpus.common(host_.node_cpus[node]));
        vcpus_[node] += static_cast<double>(vcpus) * part / static_cast<double>(cpus.size());
    }
}

} // namespace virtpind
