// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cost.hpp"

#include "guest_shape.hpp"

#include <algorithm>
#include <limits>

namespace virtpind {

namespace {

using NodeIndexes = IdSet<NodeIndex>;

std::uint32_t narrow(std::size_t count)
{
    return static_cast<std::uint32_t>(count);
}

// What a placement touches.
struct Touched {
    std::vector<std::uint32_t> cores; // vCPUs by position in HostIndex::cores
    std::vector<std::uint32_t> nodes; // vCPUs by NodeIndex
    NodeIndexes node_set;
    IdSet<PackageIndex> packages;
    IdSet<L3Index> l3s;
};

Touched touched_by(const HostIndex& host, const VcpuMap& pins)
{
    Touched touched;
    touched.cores.assign(host.cores.size(), 0);
    touched.nodes.assign(host.topology->nodes.size(), 0);
    for (const auto& [vcpu, id] : pins) {
        const auto& cpu = host.cpu(id);
        ++touched.cores[host.core_at(id)];
        ++at_id(touched.nodes, cpu.node);
        touched.node_set.insert(cpu.node);
        touched.packages.insert(cpu.package);
        touched.l3s.insert(cpu.l3);
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

void count_nodes(Cost& cost, const HostIndex& host, const Intent& intent, const GuestShape& shape,
                 const VcpuMap& pins, const Touched& touched)
{
    cost.nodes = narrow(touched.node_set.size());
    if (!shape.cells.empty()) {
        cost.nodes = 0;
        for (const auto& cell : shape.cells) {
            cost.nodes += narrow(nodes_of_cell(host, cell, pins));
        }
    }
    for (auto a = touched.node_set.begin(); a != touched.node_set.end(); ++a) {
        for (auto b = std::next(a); b != touched.node_set.end(); ++b) {
            cost.distance += host.distance(*a, *b);
        }
    }
    if (intent.policy.numa != NumaChoice::spread) {
        return;
    }
    if (!shape.cells.empty()) {
        cost.imbalance = cost.nodes - std::min(cost.nodes, narrow(touched.node_set.size()));
        return;
    }
    auto fullest = std::numeric_limits<std::uint32_t>::min();
    auto emptiest = std::numeric_limits<std::uint32_t>::max();
    for (const auto node : touched.node_set) {
        fullest = std::max(fullest, at_id(touched.nodes, node));
        emptiest = std::min(emptiest, at_id(touched.nodes, node));
    }
    const auto forced = pins.size() % touched.node_set.size() == 0 ? 0U : 1U;
    cost.imbalance = std::max(fullest - emptiest, forced) - forced;
}

void count_devices(Cost& cost, const HostIndex& host, const Intent& intent, const Touched& touched)
{
    const auto local = device_nodes(host, intent);
    for (const auto node : touched.node_set) {
        if (is_remote(host, local, raw(node))) {
            cost.device += at_id(touched.nodes, node);
        }
        if (intent.devices.empty() && host.io_nodes_set &&
            at_id(host.topology->nodes, node).has_io) {
            cost.io_nodes += at_id(touched.nodes, node);
        }
    }
}

std::uint32_t broken_guest_cores(const HostIndex& host, const GuestShape& shape,
                                 const VcpuMap& pins)
{
    if (!shape.siblings_matter) {
        return 0;
    }
    return narrow(static_cast<std::size_t>(
        std::count_if(shape.cores.begin(), shape.cores.end(), [&](const auto& guest_core) {
            const auto home = host.core_at(pins.at(guest_core.front()));
            return std::any_of(guest_core.begin(), guest_core.end(),
                               [&](VcpuId vcpu) { return host.core_at(pins.at(vcpu)) != home; });
        })));
}

void count_cores(Cost& cost, const HostIndex& host, const Surroundings& around,
                 const Touched& touched)
{
    for (std::size_t i = 0; i < host.cores.size(); ++i) {
        if (touched.cores[i] == 0) {
            continue;
        }
        const auto& core = host.cores[i];
        cost.split += touched.cores[i] < core.cpus.size() ? 1U : 0U;
        cost.shared += core.set.intersects(around.claimed) ? 1U : 0U;
        cost.broken[2] += around.free.includes(core.set) ? 1U : 0U;
    }
}

void count_breaks(Cost& cost, const HostIndex& host, const Intent& intent,
                  const Surroundings& around, const Touched& touched)
{
    for (const auto node : touched.node_set) {
        cost.broken[0] += around.free.includes(at_id(host.node_cpus, node)) ? 1U : 0U;
    }
    for (const auto l3 : touched.l3s) {
        cost.broken[1] += around.free.includes(at_id(host.l3_cpus, l3)) ? 1U : 0U;
        if (intent.policy.cache == CacheChoice::alone) {
            cost.neighbours += has_neighbours(host, l3, around) ? 1U : 0U;
        } else {
            cost.big_caches += is_big_cache(host, l3) ? 1U : 0U;
            cost.room += narrow(around.free.common(at_id(host.l3_cpus, l3)));
        }
    }
}

void count_cpus(Cost& cost, const HostIndex& host, const Intent& intent, const Surroundings& around,
                const VcpuMap& pins)
{
    for (const auto& [vcpu, id] : pins) {
        const auto& cpu = host.cpu(id);
        const auto core_class = at_id(host.topology->kinds, cpu.kind).core_class;
        cost.kind += is_wished(core_class, intent.policy.cores) ? 0U : 1U;
        const auto present = present_cpu(host, intent, vcpu);
        cost.moves += present && *present != id ? 1U : 0U;
        cost.small_cache += misses_vcache(host, intent.policy, cpu.l3) ? 1U : 0U;
        cost.unquiet += is_unquiet(host, id) ? 1U : 0U;
        cost.loaded += around.loaded.contains(id) ? 1U : 0U;
        cost.rank += cpu.rank;
    }
}

} // namespace

std::optional<CpuId> present_cpu(const HostIndex& host, const Intent& intent, VcpuId vcpu)
{
    const auto pin = intent.current.vcpus.find(vcpu);
    if (pin == intent.current.vcpus.end() || pin->second.size() != 1) {
        return std::nullopt;
    }
    const auto cpu = pin->second.front();
    return host.has(cpu) ? std::optional{cpu} : std::nullopt;
}

NodeSet device_nodes(const HostIndex& host, const Intent& intent)
{
    NodeSet local;
    for (const auto& device : intent.devices) {
        if (!device.nodes.includes(host.nodes_with_cpus)) {
            local |= device.nodes;
        }
    }
    return local;
}

bool is_remote(const HostIndex& host, const NodeSet& local, std::size_t node)
{
    return host.lacks_memory[node] ||
           (!local.empty() && !local.contains(host.topology->nodes[node].id));
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

bool is_unquiet(const HostIndex& host, CpuId cpu)
{
    return !host.quiet.empty() && !host.quiet.contains(cpu);
}

bool is_big_cache(const HostIndex& host, L3Index l3)
{
    return host.has_vcache && at_id(host.topology->l3s, l3).vcache;
}

bool misses_vcache(const HostIndex& host, const Policy& policy, L3Index l3)
{
    return host.has_vcache && policy.cache == CacheChoice::alone && !is_big_cache(host, l3);
}

bool has_neighbours(const HostIndex& host, L3Index l3, const Surroundings& around)
{
    const auto& cpus = at_id(host.l3_cpus, l3);
    return cpus.intersects(around.claimed) ||
           (!is_big_cache(host, l3) &&
            (cpus.intersects(around.housekeeping) || cpus.intersects(around.loaded)));
}

Cost cost_of(const HostIndex& host, const Intent& intent, const Surroundings& around,
             const VcpuMap& pins)
{
    const auto shape = guest_shape(intent);
    const auto touched = touched_by(host, pins);
    Cost cost;
    count_nodes(cost, host, intent, shape, pins, touched);
    count_devices(cost, host, intent, touched);
    cost.packages = narrow(touched.packages.size());
    cost.siblings = broken_guest_cores(host, shape, pins);
    cost.l3 = narrow(touched.l3s.size());
    count_cores(cost, host, around, touched);
    count_breaks(cost, host, intent, around, touched);
    count_cpus(cost, host, intent, around, pins);
    return cost;
}

} // namespace virtpind
