// SPDX-License-Identifier: LGPL-2.1-or-later
#include "topology.hpp"

#include <algorithm>
#include <tuple>

namespace virtpind {

namespace {

template <class Items, class Key, class Project>
auto find_sorted(const Items& items, const Key& key, Project project) -> decltype(items.data())
{
    const auto at = std::lower_bound(
        items.begin(), items.end(), key,
        [&project](const auto& item, const Key& wanted) { return project(item) < wanted; });
    return at != items.end() && project(*at) == key ? &*at : nullptr;
}

// Everything of one element that placement looks at, comparable.
auto layout_of(const Cpu& cpu)
{
    return std::tie(cpu.id, cpu.core, cpu.l3, cpu.node, cpu.package, cpu.kind, cpu.online,
                    cpu.allowed);
}

auto layout_of(const Kind& kind)
{
    return std::tie(kind.core_class, kind.cpus);
}

auto layout_of(const L3& l3)
{
    return std::tie(l3.cpus, l3.size_bytes, l3.vcache);
}

auto layout_of(const Node& node)
{
    return std::tie(node.id, node.cpus, node.memory_kib, node.has_io);
}

auto layout_of(const PciDevice& device)
{
    return std::tie(device.address, device.cpus, device.nodes);
}

template <class T>
bool same_elements(const std::vector<T>& a, const std::vector<T>& b)
{
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](const T& x, const T& y) { return layout_of(x) == layout_of(y); });
}

template <class Keep>
CpuSet cpus_where(const std::vector<Cpu>& cpus, Keep keep)
{
    CpuSet set;
    for (const auto& cpu : cpus) {
        if (keep(cpu)) {
            set.insert(cpu.id);
        }
    }
    return set;
}

} // namespace

const Cpu* Topology::find(CpuId id) const
{
    return find_sorted(cpus, id, [](const Cpu& cpu) { return cpu.id; });
}

const Cpu& Topology::cpu(CpuId id) const
{
    const auto* found = find(id);
    if (found == nullptr) {
        no_such_id(raw(id), cpus.size());
    }
    return *found;
}

const Node* Topology::find_node(NodeId id) const
{
    return find_sorted(nodes, id, [](const Node& node) { return node.id; });
}

const PciDevice* Topology::find_device(std::string_view address) const
{
    return find_sorted(devices, address,
                       [](const PciDevice& device) { return std::string_view{device.address}; });
}

CpuSet Topology::all_cpus() const
{
    return cpus_where(cpus, [](const Cpu&) { return true; });
}

CpuSet Topology::online_cpus() const
{
    return cpus_where(cpus, [](const Cpu& cpu) { return cpu.online; });
}

CpuSet Topology::usable_cpus() const
{
    return cpus_where(cpus, [](const Cpu& cpu) { return cpu.online && cpu.allowed; });
}

NodeSet Topology::all_nodes() const
{
    NodeSet set;
    for (const auto& node : nodes) {
        set.insert(node.id);
    }
    return set;
}

std::uint64_t Node::ordinary_kib() const
{
    auto left = memory_kib;
    for (const auto& pages : hugepages) {
        if (pages.page_kib != 0 && pages.total > left / pages.page_kib) {
            return 0; // the product may be more than a number holds
        }
        left -= pages.total * pages.page_kib;
    }
    return left;
}

NodeSet Topology::memory_nodes() const
{
    NodeSet set;
    for (const auto& node : nodes) {
        if (node.memory_kib > 0) {
            set.insert(node.id);
        }
    }
    return set;
}

NodeSet Topology::nodes_of(const CpuSet& wanted) const
{
    NodeSet set;
    for (const auto& node : nodes) {
        if (node.cpus.intersects(wanted)) {
            set.insert(node.id);
        }
    }
    return set;
}

CpuSet Topology::cpus_of(const NodeSet& wanted) const
{
    CpuSet set;
    for (const auto& node : nodes) {
        if (wanted.contains(node.id)) {
            set |= node.cpus;
        }
    }
    return set;
}

std::string_view to_string(CoreClass core_class)
{
    switch (core_class) {
    case CoreClass::uniform:
        return "uniform";
    case CoreClass::performance:
        return "performance";
    case CoreClass::efficiency:
        return "efficiency";
    case CoreClass::low_power:
        return "low-power";
    }
    return "uniform";
}

bool same_layout(const Topology& a, const Topology& b)
{
    return same_elements(a.cpus, b.cpus) && same_elements(a.kinds, b.kinds) &&
           same_elements(a.l3s, b.l3s) && same_elements(a.nodes, b.nodes) &&
           same_elements(a.devices, b.devices) && a.distance == b.distance &&
           a.isolated == b.isolated && a.nohz_full == b.nohz_full;
}

} // namespace virtpind
