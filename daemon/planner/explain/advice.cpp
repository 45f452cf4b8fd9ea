// SPDX-License-Identifier: LGPL-2.1-or-later
#include "advice.hpp"

#include "common/base/messages.hpp"
#include "daemon/planner/place/cost.hpp"
#include "daemon/planner/place/memory_words.hpp"
#include "infeasibility.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace virtpind {

namespace {

std::string instead(std::string_view what, std::uint64_t better, std::uint64_t now)
{
    return std::to_string(better) + " instead of " + std::to_string(now) + " " + std::string{what};
}

// What is worth wishing for.
Cost wishes(const Cost& cost)
{
    return terms_of(cost, CostTermInfo::Weight::wished);
}

// What the vCPUs that count as away from devices are away from.
std::string_view away(const HostIndex& host, const Intent& intent)
{
    const auto& lacking = host.lacks_memory;
    if (device_nodes(host, intent).empty()) {
        return "vCPUs on nodes without memory";
    }
    return std::find(lacking.begin(), lacking.end(), true) == lacking.end()
               ? "vCPUs away from its devices"
               : "vCPUs away from its devices or from memory";
}

// The first of the terms worth wishing for in which `better` is better.
std::string difference(const HostIndex& host, const Intent& intent, const Cost& better,
                       const Cost& now)
{
    const auto* row =
        std::find_if(cost_term_table.begin(), cost_term_table.end(), [&](const CostTermInfo& term) {
            return term.weight >= CostTermInfo::Weight::wished &&
                   better[term.term] != now[term.term];
        });
    if (row == cost_term_table.end()) {
        return {};
    }
    if (!row->gain.empty()) {
        return std::string{row->gain};
    }
    return instead(row->term == CostTerm::device ? away(host, intent) : row->unit,
                   better[row->term], now[row->term]);
}

// What a higher priority is for: others are placed after it for its comfort, and give up their
// CPUs for its room. Those that run stay for mere comfort; nobody moves for a running domain, and
// who is not planned for nobody.
enum class For { comfort, room };

bool priority_helps(const Fleet& fleet, const Member& member, const CpuSet& wanted, For purpose)
{
    auto some_first = false;
    for (const auto& other : fleet.members()) {
        const auto& intent = *other.intent;
        if (&other == &member || !other.claim.intersects(wanted) ||
            intent.activity == Activity::dormant) {
            continue;
        }
        const auto stays = purpose == For::comfort && intent.activity == Activity::running;
        if (intent.stance != Stance::managed || stays) {
            return false;
        }
        some_first = some_first || intent.policy.priority >= member.intent->policy.priority;
    }
    return some_first && member.intent->activity != Activity::running;
}

// All the memory in pages as it asks for that these nodes have.
std::uint64_t memory_in_all(const Topology& topology, const NodeSet& nodes, const Intent& intent)
{
    std::uint64_t kib = 0;
    for (const auto& node : topology.nodes) {
        if (!nodes.contains(node.id)) {
            continue;
        }
        kib += intent.hugepage_kib ? 0 : node.memory_kib;
        for (const auto& pages : node.hugepages) {
            kib += pages.page_kib == intent.hugepage_kib ? pages.total * pages.page_kib : 0;
        }
    }
    return kib;
}

// The largest number of vCPUs that one of `groups` could hold with nobody else around.
std::size_t largest_part(const std::vector<CpuSet>& groups, const CpuSet& free)
{
    std::size_t largest = 0;
    for (const auto& group : groups) {
        largest = std::max(largest, group.common(free));
    }
    return largest;
}

// "cores=any, numa=prefer or at most 4 vCPUs".
std::string any_of(const std::vector<std::string>& ways)
{
    if (ways.empty()) {
        return "fewer vCPUs, less housekeeping or weaker options";
    }
    auto text = ways.front();
    for (std::size_t i = 1; i < ways.size(); ++i) {
        text += (i + 1 < ways.size() ? ", " : " or ") + ways[i];
    }
    return text;
}

// A node or L3 that would hold it with the housekeeping CPUs that are there, near its devices if
// one such is.
std::optional<std::string> but_for_housekeeping(Fleet& fleet, const Member& member,
                                                const std::vector<CpuSet>& groups)
{
    const auto& host = fleet.host();
    const auto& now = member.placed->cost;
    const auto near = host.topology->cpus_of(device_nodes(host, *member.intent));
    auto order = groups;
    std::stable_partition(order.begin(), order.end(),
                          [&near](const CpuSet& group) { return group.intersects(near); });
    for (const auto& group : order) {
        const auto taken = group & fleet.housekeeping();
        auto room = fleet.all_to_itself();
        if (taken.empty() ||
            group.common(room.around.free | taken) < member.intent->vcpus_online.size()) {
            continue;
        }
        room.around.free |= taken;
        room.around.housekeeping -= taken;
        const auto placed = fleet.what_if(*member.intent, room);
        if (placed && group.includes(placed->claim) && wishes(placed->cost) < wishes(now)) {
            const auto nodes = host.topology->nodes_of(placed->claim).str();
            return housekeeping_in_the_way(
                now[CostTerm::nodes] > 1 ? "node " + nodes : "one L3 of node " + nodes, taken);
        }
    }
    return std::nullopt;
}

// Those that are not on a node without memory.
std::vector<CpuSet> with_memory(const HostIndex& host, std::vector<CpuSet> groups)
{
    std::erase_if(groups, [&host](const CpuSet& group) {
        return group.empty() || at_id(host.lacks_memory, host.cpu(group.front()).node);
    });
    return groups;
}

// What this host cannot do for so many vCPUs, however empty it is.
std::optional<std::string> limit_of_host(Fleet& fleet, const Member& member)
{
    const auto& host = fleet.host();
    const auto& cost = member.placed->cost;
    const auto spread = member.intent->policy.numa == NumaChoice::spread;
    const auto over_nodes = cost[CostTerm::nodes] > 1;
    if (spread || (!over_nodes && cost[CostTerm::l3] <= 1)) {
        return std::nullopt;
    }
    const auto groups = with_memory(host, over_nodes ? host.node_cpus : host.l3_cpus);
    const auto most = largest_part(groups, fleet.free_of_all());
    if (member.intent->vcpus_online.size() <= most) {
        return std::nullopt;
    }
    if (auto way = but_for_housekeeping(fleet, member, groups)) {
        return way;
    }
    return "No " + std::string{over_nodes ? "NUMA node" : "L3"} +
           " of this host is large enough: with at most " + pluralize(most, "vCPU") +
           " it could fit one.";
}

} // namespace

std::string housekeeping_in_the_way(const std::string& where, const CpuSet& housekeeping)
{
    return "It would fit " + where + " but for housekeeping (" + housekeeping.str() +
           "), which the configuration can put elsewhere.";
}

std::string claimants(const Fleet& fleet, const Member& member, const CpuSet& wanted)
{
    std::vector<std::string> names;
    for (const auto& other : fleet.members()) {
        const auto blocking = other.claim & wanted;
        if (&other != &member && !blocking.empty() && !never_together(member, other) &&
            other.intent->activity != Activity::dormant) {
            names.push_back(other.intent->name + " (" + blocking.str() + ")");
        }
    }
    return listed(names);
}

std::string floaters(const Fleet& fleet, const Member& member, const CpuSet& wanted)
{
    std::vector<std::string> names;
    for (const auto& other : fleet.members()) {
        const auto there = other.load & wanted;
        if (&other != &member && !there.empty() && !never_together(member, other)) {
            names.push_back(other.intent->name + " (" + there.str() + ")");
        }
    }
    return listed(names);
}

std::optional<std::string> how_to_do_better(Fleet& fleet, const Member& member)
{
    const auto& now = member.placed->cost;
    if (is_perfect(now) && now[CostTerm::small_cache] == 0) {
        return std::nullopt;
    }
    const auto alone = fleet.place_alone(member);
    if (!alone || wishes(alone->cost) >= wishes(now)) {
        return limit_of_host(fleet, member);
    }
    const auto gain = difference(fleet.host(), *member.intent, alone->cost, now);
    const auto blockers = claimants(fleet, member, alone->claim);
    if (blockers.empty()) {
        return "CPUs " + alone->claim.str() + " would give it " + gain +
               "; stop and start it to be placed anew, since running vCPUs stay where they are.";
    }
    return "With CPUs " + alone->claim.str() + " it would have " + gain + "; they are claimed by " +
           blockers + ". Stop or move those" +
           (priority_helps(fleet, member, alone->claim, For::comfort)
                ? ", or give this domain a higher priority."
                : ".");
}

std::optional<std::string> what_memory_costs(Fleet& fleet, const Member& member)
{
    const auto& intent = *member.intent;
    const auto& now = member.placed->cost;
    if (intent.policy.memory != MemoryChoice::follow || intent.memory_kib == 0 ||
        intent.activity == Activity::running || is_perfect(now)) {
        return std::nullopt;
    }
    const auto available = fleet.memory().available(intent);
    if (std::none_of(available.begin(), available.end(),
                     [&intent](const auto& kib) { return kib && *kib < intent.memory_kib; })) {
        return std::nullopt; // each node has enough: a placement for nothing
    }
    auto relaxed = intent;
    relaxed.policy.memory = MemoryChoice::keep;
    const auto free = fleet.what_if(relaxed, {.around = fleet.around(member, Fleet::Claims::active),
                                              .memory = MemoryLedger::Others::booked});
    if (!free || wishes(free->cost) >= wishes(now)) {
        return std::nullopt;
    }
    CpuSet cpus;
    for (const auto& [vcpu, cpu] : free->pins) {
        cpus.insert(cpu);
    }
    const auto& topology = *fleet.host().topology;
    const auto nodes = topology.nodes_of(cpus);
    const auto most = memory_in_all(topology, nodes, intent);
    if (most == 0) {
        return std::nullopt; // nodes without any: there is nothing that it could have less of
    }
    const auto amount = most < intent.memory_kib
                            ? "no more memory than node " + nodes.str() + " has (" +
                                  std::to_string(most / 1024) + " MiB)"
                            : memory_wanted(intent) + " on node " + nodes.str();
    return "With " + amount + " it would have " +
           difference(fleet.host(), intent, free->cost, now) + ".";
}

std::optional<std::string> how_to_fit(Fleet& fleet, const Member& member,
                                      const std::vector<std::string>& ways)
{
    const auto whole = fleet.all_to_itself();
    const auto alone = fleet.what_if(*member.intent, whole);
    if (!alone) {
        const auto count = whole.around.free.size();
        const auto others = std::count_if(
            fleet.members().begin(), fleet.members().end(),
            [&member](const Member& other) { return &other != &member && !other.claim.empty(); });
        return std::string{others > 0 ? "Without the claims of others it would not fit either: "
                                      : "It does not fit on this host: "} +
               pluralize(count, "CPU") + pluralize(count, " is", " are") +
               " usable beside housekeeping" +
               (fleet.housekeeping().empty() ? "" : " (" + fleet.housekeeping().str() + ")") +
               ". It would fit with " +
               any_of(find_infeasibility(fleet, *member.intent, whole).ways) + ".";
    }
    const auto blockers = claimants(fleet, member, alone->claim);
    if (blockers.empty()) {
        return "It would fit with " + any_of(ways) + ".";
    }
    const auto otherwise =
        ways.empty() ? "" : " Beside those it would fit with " + any_of(ways) + ".";
    return "It would fit on CPUs " + alone->claim.str() + ", which are claimed by " + blockers +
           ". Stop or shrink those" +
           (priority_helps(fleet, member, alone->claim, For::room)
                ? ", or give this domain a higher priority."
                : ".") +
           otherwise;
}

} // namespace virtpind
