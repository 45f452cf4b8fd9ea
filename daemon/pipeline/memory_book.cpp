// SPDX-License-Identifier: LGPL-2.1-or-later
#include "memory_book.hpp"

#include <algorithm>

namespace virtpind {

MemoryBook::MemoryBook(const HostIndex& host) : host_{host}
{
    const auto& nodes = host.topology->nodes;
    nodes_with_memory_ = static_cast<std::size_t>(std::count_if(
        nodes.begin(), nodes.end(), [](const Node& node) { return node.memory_kib > 0; }));
    auto& ordinary = free_[0];
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        ordinary.push_back(nodes_with_memory_ > 0 && nodes[i].memory_kib == 0
                               ? std::optional<std::uint64_t>{0}
                               : nodes[i].free_memory_kib);
        for (const auto& pages : nodes[i].hugepages) {
            auto& free = free_[pages.page_kib];
            free.resize(nodes.size(), 0); // a node that does not list the size has none
            free[i] = pages.free * pages.page_kib;
        }
    }
}

std::vector<std::optional<std::uint64_t>> MemoryBook::available(const Intent& intent) const
{
    const auto at = free_.find(intent.hugepage_kib.value_or(0));
    if (at == free_.end()) {
        return std::vector<std::optional<std::uint64_t>>(host_.topology->nodes.size());
    }
    auto available = at->second;
    if (intent.activity != Activity::dormant && !intent.memory_nodes.empty()) {
        const auto share = intent.memory_kib / intent.memory_nodes.size() + 1;
        for (std::size_t i = 0; i < available.size(); ++i) {
            if (available[i] && intent.memory_nodes.contains(host_.topology->nodes[i].id)) {
                *available[i] += share;
            }
        }
    }
    return available;
}

void MemoryBook::take(const Intent& intent, const NodeSet& nodes,
                      const std::map<std::uint32_t, NodeSet>& cell_nodes)
{
    if (intent.activity != Activity::arriving || !intent.memory_nodes.empty()) {
        return;
    }
    const auto page = intent.hugepage_kib.value_or(0);
    if (cell_nodes.empty()) {
        take_from(page, intent.memory_kib, nodes);
        return;
    }
    for (const auto& cell : intent.cells) {
        const auto at = cell_nodes.find(cell.id);
        take_from(page, cell.memory_kib, at != cell_nodes.end() ? at->second : nodes);
    }
}

void MemoryBook::take_from(PageKib page, std::uint64_t kib, const NodeSet& nodes)
{
    const auto at = free_.find(page);
    if (at == free_.end()) {
        return;
    }
    for (std::size_t i = 0; i < at->second.size(); ++i) {
        auto& free = at->second[i];
        if (free && nodes.contains(host_.topology->nodes[i].id)) {
            const auto taken = std::min(kib, *free);
            *free -= taken;
            kib -= taken;
        }
    }
}

} // namespace virtpind
