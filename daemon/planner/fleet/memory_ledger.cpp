// SPDX-License-Identifier: LGPL-2.1-or-later
#include "memory_ledger.hpp"

#include "daemon/planner/place/current_placement.hpp"

#include <algorithm>

namespace virtpind {

bool has_memory(const Intent& intent)
{
    return intent.activity == Activity::running || intent.has_memory;
}

namespace {

// An equal part for each of `count` nodes, rounded up.
std::uint64_t equal_part(std::uint64_t kib, std::size_t count)
{
    return kib / count + (kib % count != 0 ? 1 : 0);
}

} // namespace

MemoryLedger::MemoryLedger(const HostIndex& host) : host_{host}
{
    const auto& nodes = host.topology->nodes;
    nodes_with_memory_ = static_cast<std::size_t>(std::count_if(
        nodes.begin(), nodes.end(), [](const Node& node) { return node.memory_kib > 0; }));
    add_ordinary();
    add_hugepages();
    for (auto& [page_kib, stock] : stocks_) {
        stock.booked.assign(nodes.size(), 0);
    }
}

std::optional<std::uint64_t> MemoryLedger::Stock::left(std::size_t node) const
{
    const auto& here = unbooked[node];
    return here ? std::optional{*here - std::min(*here, booked[node])} : std::nullopt;
}

void MemoryLedger::add_ordinary()
{
    auto& stock = stocks_[0];
    for (const auto& node : host_.topology->nodes) {
        const auto total =
            nodes_with_memory_ > 0 ? std::optional{node.ordinary_kib()} : std::nullopt;
        const auto tells = several_nodes() && node.free_memory_kib.has_value();
        stock.total.push_back(total);
        stock.unbooked.push_back(tells && node.memory_kib > 0 ? node.free_memory_kib : total);
        stock.tells.push_back(tells);
    }
}

void MemoryLedger::add_hugepages()
{
    const auto& nodes = host_.topology->nodes;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        for (const auto& pages : nodes[i].hugepages) {
            auto& stock = stocks_[pages.page_kib];
            stock.total.resize(nodes.size(), 0); // a node that does not list the size has none
            stock.unbooked.resize(nodes.size(), 0);
            stock.tells.resize(nodes.size(), false);
            stock.total[i] = pages.total * pages.page_kib;
            stock.unbooked[i] = pages.free * pages.page_kib;
            stock.tells[i] = pages.free < pages.total;
        }
    }
}

// Absent: nothing is known, or nothing depends on it.
const MemoryLedger::Stock* MemoryLedger::stock_for(const Intent& intent) const
{
    const auto at = stocks_.find(intent.hugepage_kib.value_or(0));
    return intent.memory_kib != 0 && at != stocks_.end() ? &at->second : nullptr;
}

bool MemoryLedger::is_one_node() const
{
    return nodes_with_memory_ == 1 || host_.topology->nodes.size() == 1;
}

bool MemoryLedger::lacks_page_size(const Intent& intent) const
{
    return intent.hugepage_kib && stocks_.size() > 1 && !stocks_.contains(*intent.hugepage_kib);
}

// Where the memory of a domain on these nodes is. Nodes without memory hold none of it, though its
// vCPUs may be pinned there.
NodeSet MemoryLedger::holding(const NodeSet& nodes) const
{
    auto holding = host_.memory_homes(nodes);
    for (std::uint32_t node = 0; node < host_.lacks_memory.size(); ++node) {
        if (host_.lacks_memory[node]) {
            holding.erase(host_.node_id(NodeIndex{node}));
        }
    }
    return holding;
}

// Where the memory of one that has some is. Empty: unknown.
NodeSet MemoryLedger::home_of(const Intent& intent) const
{
    return holding(home_nodes(host_, intent));
}

// What an absent domain leaves: what was booked for it, and what it has itself where the host's
// numbers do not count that.
void MemoryLedger::give_for(const Absent& absent, const Intent& intent, const Stock& stock,
                            Others others, Amounts& amounts) const
{
    const auto page_kib = intent.hugepage_kib.value_or(0);
    const auto& other = *absent.intent;
    const auto home = has_memory(other) && other.hugepage_kib.value_or(0) == page_kib
                          ? home_of(other)
                          : NodeSet{};
    const auto part = home.empty() ? 0 : equal_part(other.memory_kib, home.size());
    for (std::size_t i = 0; i < amounts.size(); ++i) {
        if (!amounts[i] || !stock.total[i]) {
            continue;
        }
        const auto is_booked = others == Others::booked && absent.taken->page_kib == page_kib;
        const auto booked = is_booked && i < absent.taken->kib.size() ? absent.taken->kib[i] : 0;
        const auto own =
            stock.tells[i] && home.contains(host_.topology->nodes[i].id) ? part : std::uint64_t{0};
        const auto in_use = *stock.total[i] - std::min(*stock.total[i], *amounts[i]);
        *amounts[i] += std::min(in_use, booked + own);
    }
}

MemoryLedger::Amounts MemoryLedger::amounts(const Intent& intent, const Stock& stock, Others others,
                                            const std::vector<Absent>& absent) const
{
    auto amounts = others == Others::off ? stock.total : stock.unbooked;
    for (std::size_t i = 0; others == Others::booked && i < amounts.size(); ++i) {
        amounts[i] = stock.left(i);
    }
    for (const auto& other : absent) {
        give_for(other, intent, stock, others, amounts);
    }
    return amounts;
}

namespace {

// Of all nodes together; absent where some node's is unknown.
std::optional<std::uint64_t> sum_of(const MemoryLedger::Amounts& amounts)
{
    std::uint64_t sum = 0;
    for (const auto& amount : amounts) {
        if (!amount) {
            return std::nullopt;
        }
        sum += *amount;
    }
    return sum;
}

bool is_too_little(const MemoryLedger::Amounts& amounts, const Intent& intent)
{
    const auto sum = sum_of(amounts);
    return sum && *sum < intent.memory_kib;
}

} // namespace

std::uint64_t MemoryLedger::missing_kib(const Intent& intent, Others others,
                                        const std::vector<Absent>& absent) const
{
    const auto* stock = stock_for(intent);
    if (stock == nullptr || has_memory(intent)) {
        return 0;
    }
    const auto sum = sum_of(amounts(intent, *stock, others, absent));
    return sum ? intent.memory_kib - std::min(intent.memory_kib, *sum) : 0;
}

MemoryLedger::Amounts MemoryLedger::available(const Intent& intent, Others others,
                                              const std::vector<Absent>& absent) const
{
    const Amounts unknown(host_.topology->nodes.size());
    const auto* stock = stock_for(intent);
    if (stock == nullptr) {
        return unknown;
    }
    auto available = amounts(intent, *stock, others, absent);
    if (!has_memory(intent)) {
        if (!intent.hugepage_kib || is_one_node()) {
            return intent.hugepage_kib ? unknown : available;
        }
        const auto not_now =
            is_too_little(amounts(intent, *stock, Others::ignored, absent), intent);
        const auto never = is_too_little(stock->total, intent);
        return !intent.shut_off || !not_now ? available : never ? unknown : stock->total;
    }
    const auto home = home_of(intent);
    const auto nothing_to_choose = !intent.hugepage_kib && !several_nodes();
    const auto stays = intent.memory_locked && !home.empty();
    if (nothing_to_choose || stays) {
        return unknown;
    }
    return home.empty() ? with_all_anywhere(intent, *stock, std::move(available))
                        : with_its_own(intent, home, *stock, std::move(available));
}

// It is unknown where its memory is: all of it could be on any node that does not tell of it.
MemoryLedger::Amounts MemoryLedger::with_all_anywhere(const Intent& intent, const Stock& stock,
                                                      Amounts available)
{
    for (std::size_t i = 0; i < available.size(); ++i) {
        if (available[i] && stock.tells[i]) {
            const auto at_most = std::min(*stock.total[i], *available[i] + intent.memory_kib);
            available[i] = std::max(*available[i], at_most);
        }
    }
    return available;
}

MemoryLedger::Amounts MemoryLedger::with_its_own(const Intent& intent, const NodeSet& home,
                                                 const Stock& stock, Amounts available) const
{
    const auto part = equal_part(intent.memory_kib, home.size());
    std::uint64_t at_home = 0;
    for (std::size_t i = 0; i < available.size(); ++i) {
        if (available[i] && home.contains(host_.topology->nodes[i].id)) {
            *available[i] += stock.tells[i] ? part : 0;
            at_home += *available[i];
        }
    }
    for (std::size_t i = 0; at_home < intent.memory_kib && i < available.size(); ++i) {
        if (available[i] && home.contains(host_.topology->nodes[i].id)) {
            available[i] = std::max(*available[i], part); // it is there, whatever was booked
        }
    }
    return available;
}

MemoryLedger::Taken MemoryLedger::reserve_existing(const Intent& intent)
{
    const auto* stock = stock_for(intent);
    if (stock == nullptr || !has_memory(intent)) {
        return {};
    }
    const auto home = home_of(intent);
    std::vector<std::size_t> untold;
    for (std::size_t i = 0; i < stock->total.size(); ++i) {
        if (!stock->tells[i] && home.contains(host_.topology->nodes[i].id)) {
            untold.push_back(i);
        }
    }
    const auto part = equal_part(intent.memory_kib, std::max<std::size_t>(home.size(), 1));
    return book(intent, untold, std::min(intent.memory_kib, part * untold.size()));
}

MemoryLedger::Taken MemoryLedger::take(const Intent& intent, const NodeSet& nodes)
{
    const auto* stock = stock_for(intent);
    if (stock == nullptr) {
        return {};
    }
    const auto home = has_memory(intent) ? home_of(intent) : NodeSet{};
    const auto stays = intent.memory_locked || intent.policy.memory == MemoryChoice::keep;
    if ((!home.empty() && stays) || (has_memory(intent) && is_one_node())) {
        return reserve_existing(intent); // it comes from nowhere
    }
    const auto part = home.empty() ? 0 : equal_part(intent.memory_kib, home.size());
    const auto having = holding(nodes);
    auto comes = intent.memory_kib;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < stock->total.size(); ++i) {
        const auto node = host_.topology->nodes[i].id;
        if (having.contains(node)) {
            places.push_back(i);
            comes -= stock->tells[i] && home.contains(node) ? std::min(comes, part) : 0;
        }
    }
    return book(intent, places, comes);
}

MemoryLedger::Taken MemoryLedger::book(const Intent& intent, const std::vector<std::size_t>& nodes,
                                       std::uint64_t kib)
{
    Taken taken{.page_kib = intent.hugepage_kib.value_or(0), .kib = {}};
    const auto nothing_to_choose = taken.page_kib == 0 && !several_nodes();
    if (nodes.empty() || nothing_to_choose) {
        return taken;
    }
    auto& stock = stocks_.at(taken.page_kib);
    taken.kib.resize(stock.total.size(), 0);
    // First everybody's part, then what is missing of it from those that have more.
    for (const auto most : {equal_part(kib, nodes.size()), kib}) {
        for (const auto node : nodes) {
            if (const auto left = stock.left(node)) {
                const auto part = std::min({kib, most, *left});
                taken.kib[node] += part;
                stock.booked[node] += part;
                kib -= part;
            }
        }
    }
    return taken;
}

void MemoryLedger::give_back(const Taken& taken)
{
    for (std::size_t i = 0; i < taken.kib.size(); ++i) {
        stocks_.at(taken.page_kib).booked[i] -= taken.kib[i];
    }
}

void MemoryLedger::take_again(const Taken& taken)
{
    for (std::size_t i = 0; i < taken.kib.size(); ++i) {
        stocks_.at(taken.page_kib).booked[i] += taken.kib[i];
    }
}

} // namespace virtpind
