// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cost.hpp"

#include "guest_shape.hpp"

#include <algorithm>
#include <limits>

namespace virtpind {

namespace {

using NodeIndexes = IdSet<NodeIndex>;

struct UsedCore {
    std::size_t core = 0; // position in HostIndex::cores
    std::size_t vcpus = 0;
};

// What a placement touches.
struct Touched {
    std::vector<UsedCore> cores;
    std::vector<std::uint32_t> nodes; // vCPUs by NodeIndex
    NodeIndexes node_set;
    IdSet<PackageIndex> packages;
    IdSet<L3Index> l3s;
    IdSet<L2Index> l2s;
};

Touched touched_by(const HostIndex& host, const VcpuMap& pins)
{
    Touched touched;
    std::vector<std::size_t> cores;
    cores.reserve(pins.size());
    touched.nodes.assign(host.topology->nodes.size(), 0);
    for (const auto& [vcpu, id] : pins) {
        const auto& cpu = host.cpu(id);
        const auto core = host.core_at(id);
        cores.push_back(core);
        if (const auto l2 = host.cores[core].l2) {
            touched.l2s.insert(*l2);
        }
        ++at_id(touched.nodes, cpu.node);
        touched.node_set.insert(cpu.node);
        touched.packages.insert(cpu.package);
        touched.l3s.insert(cpu.l3);
    }
    std::sort(cores.begin(), cores.end());
    touched.cores.reserve(cores.size());
    for (const auto core : cores) {
        if (touched.cores.empty() || touched.cores.back().core != core) {
            touched.cores.push_back({.core = core, .vcpus = 0});
        }
        ++touched.cores.back().vcpus;
    }
    return touched;
}

// Nodes that the vCPUs of `cell` are on.
std::size_t nodes_of_cell(const HostIndex& host, const VcpuSet& cell, const VcpuMap& pins)
{
    NodeIndexes nodes;
    for (const auto vcpu : cell) {
        nodes.insert(host.cpu(pins.at(vcpu)).node);
    }
    return nodes.size();
}

// The terms that add up.
Cost sum_of_charges(const HostIndex& host, const Charges& charges, const Touched& touched,
                    const VcpuMap& pins)
{
    Score sum;
    for (const auto node : touched.node_set) {
        sum += charges.of_node(node);
    }
    for (std::size_t i = 0; i < touched.packages.size(); ++i) {
        sum += Charges::of_package();
    }
    for (const auto l3 : touched.l3s) {
        sum += charges.of_l3(l3, at_id(host.l3_cpus, l3));
    }
    for (const auto l2 : touched.l2s) {
        sum += charges.of_l2(l2);
    }
    for (const auto& [core, vcpus] : touched.cores) {
        sum += charges.of_core(host.cores[core]);
        sum += charges.of_vcpus_on(host.cores[core], vcpus);
    }
    for (const auto& [vcpu, id] : pins) {
        const auto& cpu = host.cpu(id);
        sum += charges.of_vcpu_on(cpu.node, cpu.l3) + charges.of_cpu(id);
    }
    Cost cost;
    for (const auto& row : cost_term_table) {
        cost[row.term] = sum.get(row.term);
    }
    return cost;
}

// Nodes that the guest's cells are on, summed over the cells.
std::uint64_t nodes_of_cells(const HostIndex& host, const std::vector<VcpuSet>& cells,
                             const VcpuMap& pins)
{
    std::uint64_t sum = 0;
    for (const auto& cell : cells) {
        sum += nodes_of_cell(host, cell, pins);
    }
    return sum;
}

std::uint64_t distance_within(const HostIndex& host, const NodeIndexes& nodes)
{
    std::uint64_t distance = 0;
    for (auto a = nodes.begin(); a != nodes.end(); ++a) {
        for (auto b = std::next(a); b != nodes.end(); ++b) {
            distance += host.distance(*a, *b);
        }
    }
    return distance;
}

// Devices with no vCPU on their nodes.
std::uint64_t devices_missed(const HostIndex& host, const Intent& intent, const NodeIndexes& nodes)
{
    NodeSet used;
    for (const auto node : nodes) {
        used.insert(host.node_id(node));
    }
    const auto places = device_places(host, intent);
    return static_cast<std::uint64_t>(
        std::count_if(places.begin(), places.end(),
                      [&used](const NodeSet& place) { return !place.intersects(used); }));
}

std::uint64_t imbalance_of_vcpus(const Touched& touched, std::size_t vcpus)
{
    auto fullest = std::numeric_limits<std::uint32_t>::min();
    auto emptiest = std::numeric_limits<std::uint32_t>::max();
    for (const auto node : touched.node_set) {
        fullest = std::max(fullest, at_id(touched.nodes, node));
        emptiest = std::min(emptiest, at_id(touched.nodes, node));
    }
    const auto forced = vcpus % touched.node_set.size() == 0 ? 0U : 1U;
    return std::max(fullest - emptiest, forced) - forced;
}

void count_nodes(Cost& cost, const HostIndex& host, const Intent& intent, const VcpuMap& pins,
                 const Touched& touched)
{
    cost[CostTerm::distance] = distance_within(host, touched.node_set);
    const auto spread = intent.policy.numa == NumaChoice::spread;
    const auto cells = cells_of(intent);
    if (!cells.empty()) {
        const auto used = std::uint64_t{touched.node_set.size()};
        cost[CostTerm::nodes] = nodes_of_cells(host, cells, pins);
        cost[CostTerm::device_cells] = devices_missed(host, intent, touched.node_set);
        cost[CostTerm::imbalance] =
            spread ? std::max(cost[CostTerm::nodes], used) - used : std::uint64_t{0};
    } else if (spread) {
        cost[CostTerm::imbalance] = imbalance_of_vcpus(touched, pins.size());
    }
}

// Guest cores whose vCPUs are not all on one core of the host.
std::uint64_t broken_guest_cores(const HostIndex& host, const Intent& intent, const VcpuMap& pins)
{
    if (!siblings_matter(intent)) {
        return 0;
    }
    std::uint64_t broken = 0;
    for (auto pin = pins.begin(); pin != pins.end();) {
        const auto guest_core = raw(pin->first) / intent.topology->threads;
        const auto home = host.core_at(pin->second);
        auto whole = true;
        for (; pin != pins.end() && raw(pin->first) / intent.topology->threads == guest_core;
             ++pin) {
            whole = whole && host.core_at(pin->second) == home;
        }
        broken += whole ? 0U : 1U;
    }
    return broken;
}

void count_vcpus(Cost& cost, const HostIndex& host, const Intent& intent, const VcpuMap& pins)
{
    CpuSet present;
    CpuSet chosen;
    for (const auto& [vcpu, id] : pins) {
        const auto core_class = at_id(host.topology->kinds, host.cpu(id).kind).core_class;
        cost[CostTerm::kind] += is_wished(core_class, intent.policy.cores) ? 0U : 1U;
        chosen.insert(id);
        if (const auto cpu = present_cpu(host, intent, vcpu)) {
            present.insert(*cpu);
        }
    }
    cost[CostTerm::moves] = (present - chosen).size();
}

// One vCPU on each core that it is on, and nobody else may be there.
bool has_own_cores(const HostIndex& host, const Surroundings& around, const Touched& touched)
{
    return std::all_of(touched.cores.begin(), touched.cores.end(), [&](const UsedCore& used) {
        return used.vcpus == 1 && around.free.includes(host.cores[used.core].set);
    });
}

} // namespace

bool has_present_pins(const Intent& intent)
{
    return intent.activity == Activity::running || intent.has_memory || intent.has_our_pins;
}

std::optional<CpuId> present_cpu(const HostIndex& host, const Intent& intent, VcpuId vcpu)
{
    const auto pin = intent.current.vcpus.find(vcpu);
    if (pin == intent.current.vcpus.end() || !pin->second.has_one()) {
        return std::nullopt;
    }
    const auto cpu = pin->second.front();
    return host.has(cpu) ? std::optional{cpu} : std::nullopt;
}

bool is_wished(CoreClass core_class, CoreChoice wish)
{
    switch (wish) {
    case CoreChoice::any:
        return true;
    case CoreChoice::performance:
        return core_class == CoreClass::performance || core_class == CoreClass::uniform;
    case CoreChoice::efficiency:
        return core_class == CoreClass::efficiency || core_class == CoreClass::uniform;
    }
    return true;
}

Cost cost_of(const HostIndex& host, const Intent& intent, const Surroundings& around,
             const VcpuMap& pins)
{
    const auto touched = touched_by(host, pins);
    auto cost = sum_of_charges(host, Charges{host, intent, around}, touched, pins);
    count_nodes(cost, host, intent, pins, touched);
    cost[CostTerm::siblings] = broken_guest_cores(host, intent, pins);
    count_vcpus(cost, host, intent, pins);
    if (wishes_own_cores(intent)) {
        cost[CostTerm::stacked] = has_own_cores(host, around, touched) ? 0 : 1;
        if (cost[CostTerm::stacked] == 0) {
            cost[CostTerm::partial_cores] = 0;
        }
    }
    return cost;
}

} // namespace virtpind
