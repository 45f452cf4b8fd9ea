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

MemoryBook::Taken MemoryBook::take(const Intent& intent, const NodeSet& nodes)
{
    Taken taken{.page_kib = intent.hugepage_kib.value_or(0), .kib = {}};
    const auto at = free_.find(taken.page_kib);
    if (at == free_.end() || intent.activity != Activity::arriving ||
        !intent.memory_nodes.empty()) {
        return taken;
    }
    auto wanted = intent.memory_kib;
    taken.kib.resize(at->second.size(), 0);
    for (std::size_t i = 0; i < at->second.size(); ++i) {
        auto& free = at->second[i];
        if (free && nodes.contains(host_.topology->nodes[i].id)) {
            taken.kib[i] = std::min(wanted, *free);
            *free -= taken.kib[i];
            wanted -= taken.kib[i];
        }
    }
    return taken;
}

void MemoryBook::give_back(const Taken& taken)
{
    for (std::size_t i = 0; i < taken.kib.size(); ++i) {
        if (auto& free = free_[taken.page_kib][i]) {
            *free += taken.kib[i];
        }
    }
}

void MemoryBook::take_again(const Taken& taken)
{
    for (std::size_t i = 0; i < taken.kib.size(); ++i) {
        if (auto& free = free_[taken.page_kib][i]) {
            *free -= std::min(*free, taken.kib[i]);
        }
    }
}

} // namespace virtpind
