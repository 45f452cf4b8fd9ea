// SPDX-License-Identifier: LGPL-2.1-or-later
#include "advice.hpp"

#include "daemon/planner/place/cost.hpp"
#include "daemon/planner/place/guest_shape.hpp"
#include "daemon/planner/place/wanted_memory.hpp"
#include "yielding.hpp"

#include <algorithm>
#include <utility>

namespace virtpind {

namespace {

// The terms of the cost that advice is given about.
Cost advised_terms(const Cost& cost)
{
    return terms_of(cost, CostTermInfo::Weight::wished);
}

// The phrase for the term `device`, which also counts vCPUs away from memory.
ReasonPhrase fewer_away(const HostIndex& host, const Intent& intent)
{
    const auto& lacking = host.lacks_memory;
    if (device_nodes(host, intent).empty()) {
        return ReasonPhrase::fewer_without_memory;
    }
    return std::find(lacking.begin(), lacking.end(), true) == lacking.end()
               ? ReasonPhrase::fewer_away_from_devices
               : ReasonPhrase::fewer_away_from_devices_or_memory;
}

// `others`, and as the argument `gain` the first of the terms worth advice in which `better` is
// better.
ReasonArguments with_gain(ReasonArguments others, const HostIndex& host, const Intent& intent,
                          const Cost& better, const Cost& now)
{
    const auto* row =
        std::find_if(cost_term_table.begin(), cost_term_table.end(), [&](const CostTermInfo& term) {
            return term.gain && better[term.term] != now[term.term];
        });
    if (row != cost_term_table.end()) {
        const auto gain = row->term == CostTerm::device ? fewer_away(host, intent) : *row->gain;
        others.insert(others.end(),
                      {{"gain", gain}, {"better", better[row->term]}, {"now", now[row->term]}});
    }
    return others;
}

// The purpose of a higher priority: a better place, or a place at all. Domains that are placed
// later give way for both, running ones only for the second. No domain is moved for a running or
// an unmanaged one.
enum class For { better_place, any_place };

bool priority_helps(const Fleet& fleet, const Member& member, const CpuSet& wanted, For purpose)
{
    auto some_first = false;
    for (const auto& other : fleet.members()) {
        const auto& intent = *other.intent;
        if (&other == &member || !other.claim.intersects(wanted) ||
            intent.activity == Activity::dormant) {
            continue;
        }
        const auto stays = purpose == For::better_place && intent.activity == Activity::running;
        if (intent.stance != Stance::managed || stays) {
            return false;
        }
        some_first = some_first || intent.policy.priority >= member.intent->policy.priority;
    }
    return some_first && member.intent->activity != Activity::running;
}

// All memory of these nodes in pages of the size that the domain asks for.
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

// The largest number of vCPUs that one of `groups` could hold on the CPUs `free`.
std::size_t largest_part(const std::vector<CpuSet>& groups, const CpuSet& free)
{
    std::size_t largest = 0;
    for (const auto& group : groups) {
        largest = std::max(largest, group.common(free));
    }
    return largest;
}

ReasonArgument ways_argument(const Ways& ways)
{
    return {"ways",
            ways.phrases.empty() ? ReasonPhrases{ReasonPhrase::weaker_options} : ways.phrases};
}

// A node or L3 that would hold the domain together with its housekeeping CPUs; one near its devices
// first.
std::optional<Reason> but_for_housekeeping(Fleet& fleet, const Member& member,
                                           const std::vector<CpuSet>& groups)
{
    const auto& host = fleet.host();
    const auto& now = member.placed->cost;
    const auto near = host.topology->cpus_of(device_nodes(host, *member.intent));
    auto order = groups;
    std::stable_partition(order.begin(), order.end(),
                          [&near](const CpuSet& group) { return group.intersects(near); });
    for (const auto& group : order) {
        const auto taken = group & fleet.housekeeping_beside(member);
        auto room = fleet.all_to_itself(member);
        if (taken.empty() ||
            group.common(room.around.free | taken) < member.intent->vcpus_online.size()) {
            continue;
        }
        room.around.free |= taken;
        room.around.housekeeping -= taken;
        const auto placed = fleet.what_if(*member.intent, room);
        if (placed && group.includes(placed->claim) &&
            advised_terms(placed->cost) < advised_terms(now)) {
            return Reason{ReasonCode::to_do_better,
                          {{"where", now[CostTerm::nodes] > 1 ? ReasonPhrase::on_node
                                                              : ReasonPhrase::on_l3_of_node},
                           {"nodes", host.topology->nodes_of(placed->claim)},
                           {"housekeeping", taken}}};
        }
    }
    return std::nullopt;
}

// The groups on nodes that have memory.
std::vector<CpuSet> with_memory(const HostIndex& host, std::vector<CpuSet> groups)
{
    std::erase_if(groups, [&host](const CpuSet& group) {
        return group.empty() || at_id(host.lacks_memory, host.cpu(group.front()).node);
    });
    return groups;
}

// The limit of this host for that many vCPUs, however empty it is.
std::optional<Reason> limit_of_host(Fleet& fleet, const Member& member)
{
    const auto& host = fleet.host();
    const auto& cost = member.placed->cost;
    const auto spread = member.intent->policy.numa == NumaChoice::spread;
    const auto over_nodes = cost[CostTerm::nodes] > 1;
    if (spread || (!over_nodes && cost[CostTerm::l3] <= 1)) {
        return std::nullopt;
    }
    const auto groups = with_memory(host, over_nodes ? host.node_cpus : host.l3_cpus);
    const auto most = largest_part(groups, fleet.all_to_itself(member).around.free);
    if (member.intent->vcpus_online.size() <= most) {
        return std::nullopt;
    }
    if (auto way = but_for_housekeeping(fleet, member, groups)) {
        return way;
    }
    return Reason{
        ReasonCode::to_do_better,
        {{"place", over_nodes ? ReasonPhrase::numa_node : ReasonPhrase::l3}, {"most", most}}};
}

// The limit of the wished kind, where the domain had to take another one.
std::optional<Reason> limit_of_kind(Fleet& fleet, const Member& member)
{
    const auto most =
        find_infeasibility(fleet, *member.intent, fleet.all_to_itself(member)).ways.most_vcpus;
    if (most == 0) {
        return std::nullopt;
    }
    return Reason{ReasonCode::to_do_better,
                  {{"place", ReasonPhrase::kind_of_core}, {"most", most}}};
}

CpuSet whole_cores(const HostIndex& host, const CpuSet& cpus)
{
    CpuSet whole;
    for (const auto& core : host.cores) {
        if (core.set.intersects(cpus)) {
            whole |= core.set;
        }
    }
    return whole;
}

} // namespace

DomainsOnCpus claimants(const Fleet& fleet, const Member& member, const CpuSet& wanted)
{
    DomainsOnCpus owners;
    for (const auto& other : fleet.members()) {
        if (&other != &member && other.claim.intersects(wanted) && !never_together(member, other) &&
            other.intent->activity != Activity::dormant) {
            owners.push_back({other.intent->name, other.claim & wanted});
        }
    }
    return owners;
}

DomainsOnCpus floaters(const Fleet& fleet, const Member& member, const CpuSet& wanted)
{
    DomainsOnCpus guests;
    for (const auto& other : fleet.members()) {
        if (&other != &member && other.load.intersects(wanted) && !never_together(member, other)) {
            guests.push_back({other.intent->name, other.load & wanted});
        }
    }
    return guests;
}

std::optional<Reason> how_to_do_better(Fleet& fleet, const Member& member)
{
    const auto& now = member.placed->cost;
    if (is_perfect(now) && now[CostTerm::small_cache] == 0) {
        return std::nullopt;
    }
    const auto alone = fleet.place_alone(member);
    if (!alone || advised_terms(alone->cost) >= advised_terms(now)) {
        auto limit = now[CostTerm::kind] > 0 ? std::nullopt : limit_of_host(fleet, member);
        if (!limit) {
            limit = what_housekeeping_costs(fleet, member);
        }
        return limit || now[CostTerm::kind] == 0 ? limit : limit_of_kind(fleet, member);
    }
    auto wanted = alone->claim;
    auto owners = claimants(fleet, member, wanted);
    if (owners.empty()) { // they are on siblings of its CPUs, or it stays only because it runs
        wanted = whole_cores(fleet.host(), wanted);
        owners = claimants(fleet, member, wanted);
    }
    if (owners.empty() && member.intent->activity != Activity::running) {
        return std::nullopt;
    }
    wanted = owners.empty() ? alone->claim : wanted;
    const auto helps = !owners.empty() && priority_helps(fleet, member, wanted, For::better_place);
    return Reason{ReasonCode::to_do_better,
                  with_gain({{"cpus", wanted}, {"owners", std::move(owners)}, {"priority", helps}},
                            fleet.host(), *member.intent, alone->cost, now)};
}

std::optional<Reason> what_memory_costs(Fleet& fleet, const Member& member)
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
    if (!free || advised_terms(free->cost) >= advised_terms(now)) {
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
    ReasonArguments arguments{{"nodes", nodes}};
    if (most < intent.memory_kib) {
        arguments.push_back({"available", MemoryAmount{most}});
    } else {
        arguments = with_wanted_memory(intent, std::move(arguments));
    }
    return Reason{ReasonCode::memory_short,
                  with_gain(std::move(arguments), fleet.host(), intent, free->cost, now)};
}

std::optional<Reason> what_spread_gives(Fleet& fleet, const Member& member)
{
    const auto& host = fleet.host();
    const auto& intent = *member.intent;
    const auto cells = cells_of(intent);
    if (cells.size() < 2 || intent.policy.numa != NumaChoice::prefer) {
        return std::nullopt;
    }
    std::vector<std::size_t> cells_on(host.topology->nodes.size(), 0);
    for (const auto& cell : cells) {
        IdSet<NodeIndex> nodes;
        for (const auto vcpu : cell) {
            nodes.insert(host.cpu(member.placed->pins.at(vcpu)).node);
        }
        if (nodes.size() == 1) {
            ++at_id(cells_on, nodes.front());
        }
    }
    NodeSet shared;
    std::size_t sharing = 0;
    for (std::size_t node = 0; node < cells_on.size(); ++node) {
        if (cells_on[node] > 1) {
            shared.insert(host.topology->nodes[node].id);
            sharing += cells_on[node];
        }
    }
    auto apart = intent;
    apart.policy.numa = NumaChoice::spread;
    const auto spread =
        shared.empty()
            ? std::nullopt
            : fleet.what_if(apart, {.around = fleet.around(member, Fleet::Claims::active),
                                    .memory = MemoryLedger::Others::booked});
    if (!spread || spread->cost[CostTerm::imbalance] > 0) {
        return std::nullopt;
    }
    return Reason{ReasonCode::cells_share_node, {{"cells", sharing}, {"nodes", shared}}};
}

Reason how_to_fit(Fleet& fleet, const Member& member, const Ways& ways)
{
    const auto whole = fleet.all_to_itself(member);
    const auto alone = fleet.what_if(*member.intent, whole);
    if (!alone) {
        const auto others = std::any_of(
            fleet.members().begin(), fleet.members().end(),
            [&member](const Member& other) { return &other != &member && !other.claim.empty(); });
        const auto ways_alone = find_infeasibility(fleet, *member.intent, whole).ways;
        return {ReasonCode::to_do_better,
                {{"other_claims", others},
                 {"usable", whole.around.free.size()},
                 {"housekeeping", fleet.housekeeping_beside(member)},
                 ways_argument(ways_alone),
                 {"spare", ways_alone.housekeeping},
                 {"most", ways_alone.most_vcpus}}};
    }
    auto owners = claimants(fleet, member, alone->claim);
    if (owners.empty()) {
        return {ReasonCode::to_do_better,
                {ways_argument(ways), {"spare", ways.housekeeping}, {"most", ways.most_vcpus}}};
    }
    return {ReasonCode::to_do_better,
            {{"cpus", alone->claim},
             {"owners", std::move(owners)},
             {"priority", priority_helps(fleet, member, alone->claim, For::any_place)},
             {"ways", ways.phrases},
             {"spare", ways.housekeeping},
             {"most", ways.most_vcpus}}};
}

} // namespace virtpind
