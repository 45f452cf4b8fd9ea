// SPDX-License-Identifier: LGPL-2.1-or-later
#include "memory_check.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

namespace virtpind {

namespace {

bool has_own_memory(const Intent& intent)
{
    return intent.has_memory || intent.activity == Activity::running;
}

std::uint64_t needed_memory(const Intent& intent)
{
    return intent.policy.memory == MemoryChoice::follow ? intent.memory_kib : 0;
}

// What newcomers find there in pages of one size (0: ordinary); absent: unknown.
std::optional<std::uint64_t> memory_there(const Topology& topology, const NodeSet& nodes,
                                          std::uint64_t page_kib)
{
    std::uint64_t sum = 0;
    auto known = false;
    std::size_t with_memory = 0;
    for (const auto& node : topology.nodes) {
        with_memory += node.memory_kib > 0 ? 1U : 0U;
        for (const auto& pages : node.hugepages) {
            known = known || pages.page_kib == page_kib;
            sum += nodes.contains(node.id) && pages.page_kib == page_kib
                       ? pages.free * pages.page_kib
                       : 0;
        }
        if (page_kib == 0 && nodes.contains(node.id)) {
            sum += node.memory_kib == 0 ? 0 : node.free_memory_kib.value_or(node.ordinary_kib());
        }
    }
    // With one node that has memory, there is no choice of nodes: overcommitting it is the
    // operator's business, and so are hugepages that are not there now.
    const auto one_node = with_memory == 1 || topology.nodes.size() == 1;
    known = !one_node && (known || (page_kib == 0 && with_memory > 1));
    return known ? std::optional{sum} : std::nullopt;
}

// Memory that a newcomer finds on its nodes.
struct Promise {
    std::uint64_t page_kib = 0;
    NodeSet nodes;
    std::uint64_t kib = 0;
    bool dormant = false; // made to itself only: others may be off when it starts
    std::size_t to = 0;   // whom, by position
};

// What the plan of the domain that is looked at promises to it.
std::optional<Promise> promise_at(const CheckContext& check, std::size_t position)
{
    const auto& intent = check.intent();
    const auto& domain = check.domain();
    const auto placed =
        domain.placement == Placement::dedicated ||
        (domain.placement == Placement::shared && (domain.satisfied || domain.numatune));
    if (!placed || !check.has_all_pins() || has_own_memory(intent) || needed_memory(intent) == 0 ||
        domain.awaits || check.has_rivals(position)) {
        return std::nullopt;
    }
    CpuSet cpus;
    for (const auto vcpu : intent.vcpus_online) {
        cpus |= domain.vcpus.at(vcpu);
    }
    return Promise{.page_kib = intent.hugepage_kib.value_or(0),
                   .nodes = domain.placement == Placement::shared && domain.numatune
                                ? domain.numatune->nodes
                                : check.memory_homes(check.request().topology->nodes_of(cpus)),
                   .kib = needed_memory(intent),
                   .dormant = intent.activity == Activity::dormant,
                   .to = position};
}

} // namespace

void check_memory(CheckContext& check, const NodeSet& nodes)
{
    const auto& intent = check.intent();
    const auto wanted = needed_memory(intent);
    if (wanted == 0 || has_own_memory(intent) || check.domain().awaits) {
        return;
    }
    const auto there = memory_there(*check.request().topology, check.memory_homes(nodes),
                                    intent.hugepage_kib.value_or(0));
    check.expect(!there || *there >= wanted, "nodes " + nodes.str() + " do not have its memory");
}

void check_promises(CheckContext& check)
{
    std::vector<Promise> promises;
    for (std::size_t i = 0; i < check.plan().domains.size(); ++i) {
        check.look_at(i);
        if (auto made = promise_at(check, i)) {
            promises.push_back(std::move(*made));
        }
    }
    for (const auto& at : promises) {
        std::uint64_t promised = 0;
        auto last = at.to; // without that one, the others may have what they were promised
        for (const auto& other : promises) {
            const auto within = (&other == &at || !other.dormant) &&
                                other.page_kib == at.page_kib && at.nodes.includes(other.nodes);
            promised += within ? other.kib : 0;
            last = within ? std::max(last, other.to) : last;
        }
        check.look_at(last);
        const auto there = memory_there(*check.request().topology, at.nodes, at.page_kib);
        check.expect(!there || *there >= promised,
                     "nodes " + at.nodes.str() + " are promised more memory than they have");
    }
}

} // namespace virtpind
