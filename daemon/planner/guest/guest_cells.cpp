// SPDX-License-Identifier: LGPL-2.1-or-later
#include "guest_cells.hpp"

#include <algorithm>
#include <utility>

namespace virtpind {

namespace {

bool same_memory(const std::vector<GuestCell>& a, const std::vector<GuestCell>& b)
{
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](const GuestCell& x, const GuestCell& y) {
                          return x.id == y.id && x.memory_kib == y.memory_kib;
                      });
}

CellPlan kept_cells(const Intent& intent, const std::map<VcpuId, CpuId>& pins)
{
    CellPlan plan;
    for (const auto& cell : intent.cells) {
        plan.cells.push_back({.id = cell.id, .memory_kib = cell.memory_kib});
    }
    for (const auto& [vcpu, cpu] : pins) {
        const auto at =
            std::find_if(intent.cells.begin(), intent.cells.end(),
                         [vcpu = vcpu](const auto& cell) { return cell.vcpus.contains(vcpu); });
        // libvirt puts those that no cell names into the first one.
        const auto position = at != intent.cells.end() ? at - intent.cells.begin() : 0;
        plan.cell_of.emplace(cpu, static_cast<std::uint32_t>(position));
    }
    return plan;
}

// The most memory that the node could give to this domain alone.
std::uint64_t most_memory_kib(const Topology& topology, NodeId id, const Intent& intent)
{
    const auto node = std::find_if(topology.nodes.begin(), topology.nodes.end(),
                                   [id](const Node& other) { return other.id == id; });
    if (!intent.hugepage_kib) {
        return node->ordinary_kib();
    }
    std::uint64_t kib = 0;
    for (const auto& pages : node->hugepages) {
        kib += pages.page_kib == *intent.hugepage_kib ? pages.total * pages.page_kib : 0;
    }
    return kib;
}

// Whether the host tells what each node has of the pages that the domain asks for.
bool tells_memory(const Topology& topology, const Intent& intent)
{
    return std::any_of(topology.nodes.begin(), topology.nodes.end(), [&](const Node& node) {
        return most_memory_kib(topology, node.id, intent) > 0;
    });
}

// One cell per node that has vCPUs; none where memory does not follow or cannot be split.
CellPlan new_cells(const Topology& topology, const Intent& intent, const DomainPlan& plan,
                   const std::map<VcpuId, CpuId>& pins)
{
    constexpr std::uint64_t usual_page_kib = 2048;
    std::map<NodeId, CpuSet> cpus;
    for (const auto& [vcpu, cpu] : pins) {
        cpus[at_id(topology.nodes, topology.cpu(cpu).node).id].insert(cpu);
    }
    const auto page_kib = std::max(intent.hugepage_kib.value_or(0), usual_page_kib);
    const auto pages = intent.memory_kib / page_kib;
    CellPlan cells;
    if (!plan.numatune || cpus.size() < 2 || pages < pins.size()) {
        return cells;
    }
    cells.numatune = plan.numatune;
    cells.numatune->cells.clear();
    cells.numatune->source_xml.clear();
    auto left_kib = intent.memory_kib;
    const auto limited = tells_memory(topology, intent);
    for (const auto& [node, members] : cpus) {
        const auto id = static_cast<std::uint32_t>(cells.cells.size());
        const auto is_last = cells.cells.size() + 1 == cpus.size();
        const auto share_kib = pages * members.size() / pins.size() * page_kib;
        cells.cells.push_back({.id = id, .memory_kib = is_last ? left_kib : share_kib});
        if (limited && cells.cells.back().memory_kib > most_memory_kib(topology, node, intent)) {
            cells.too_small.insert(node);
        }
        left_kib -= share_kib;
        cells.numatune->cells[id] = NodeSet{node};
        for (const auto cpu : members) {
            cells.cell_of.emplace(cpu, id);
        }
    }
    return cells.too_small.empty() ? cells : CellPlan{.too_small = cells.too_small};
}

} // namespace

std::optional<CellPlan> plan_cells(const Topology& topology, const Intent& intent,
                                   const DomainPlan& plan, const CpuDefinition& now,
                                   const std::map<VcpuId, CpuId>& pins)
{
    if (!intent.cells.empty()) {
        return same_memory(intent.cells, now.cells) ? std::optional{kept_cells(intent, pins)}
                                                    : std::nullopt;
    }
    auto cells = new_cells(topology, intent, plan, pins);
    // A definition that has cells already while the running domain has none: ours, or unknown.
    return now.cells.empty() || same_memory(cells.cells, now.cells)
               ? std::optional{std::move(cells)}
               : std::nullopt;
}

std::vector<GuestCell> numbered_cells(const CellPlan& plan, const GuestLayout& layout,
                                      std::uint32_t vcpus)
{
    auto cells = plan.cells;
    std::uint32_t position = 0;
    for (std::uint32_t id = 0; id < vcpus && !cells.empty(); ++id) {
        if (const auto at = layout.cpus.find(VcpuId{id}); at != layout.cpus.end()) {
            position = plan.cell_of.at(at->second);
        }
        cells[position].vcpus.insert(VcpuId{id});
    }
    return cells;
}

} // namespace virtpind
