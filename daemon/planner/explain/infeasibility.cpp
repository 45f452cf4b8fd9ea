// SPDX-License-Identifier: LGPL-2.1-or-later
#include "infeasibility.hpp"

#include "daemon/planner/fleet/retreat.hpp"
#include "daemon/planner/place/siblings.hpp"
#include "daemon/planner/place/wanted_memory.hpp"

#include <algorithm>
#include <utility>

namespace virtpind {

namespace {

// One thing that the domain asks for, and the domain without it.
struct Relaxation {
    ReasonCode code{};
    ReasonPhrase asked{}; // "numa=single"
    ReasonPhrase way{};   // "numa=prefer"
    Intent intent;
};

using Relaxations = std::vector<Relaxation>;

ReasonPhrase smt_asked(SmtChoice smt)
{
    return smt == SmtChoice::isolate ? ReasonPhrase::asks_smt_isolate
                                     : ReasonPhrase::asks_smt_require;
}

bool asks_for_own(const ThreadChoice& choice)
{
    return choice.mode == ThreadChoice::Mode::own;
}

bool asks_for_own_iothreads(const Intent& intent)
{
    return !intent.iothreads.empty() && asks_for_own(intent.policy.iothreads);
}

// Adds a relaxation; the caller gives up what is `asked` in the intent returned.
Intent& relax(Relaxations& relaxations, const Intent& intent, ReasonCode code, ReasonPhrase asked,
              ReasonPhrase way)
{
    return relaxations.emplace_back(Relaxation{code, asked, way, intent}).intent;
}

void relax_cpus(const Intent& intent, Relaxations& relaxations)
{
    relax(relaxations, intent, ReasonCode::restricted_cpus, ReasonPhrase::asks_cpus,
          ReasonPhrase::more_cpus_allowed)
        .policy.cpus = {};
}

// The option cpus leaves fewer free CPUs than the domain has vCPUs.
bool is_short_by_cpus(const Intent& intent, const Surroundings& around)
{
    return around.free.common(intent.policy.cpus) < intent.vcpus_online.size();
}

void relax_places(const HostIndex& host, const Intent& intent, Relaxations& relaxations)
{
    using enum ReasonPhrase;
    if (intent.memory_locked && !home_nodes(host, intent).empty()) {
        relax(relaxations, intent, ReasonCode::memory_locked, asks_locked_memory, new_start)
            .memory_locked = false;
    }
    if (intent.policy.memory == MemoryChoice::follow && intent.memory_kib > 0) {
        relax(relaxations, intent, ReasonCode::memory_short, asks_memory_follow,
              intent.hugepage_kib ? more_hugepages : more_memory)
            .policy.memory = MemoryChoice::keep;
    }
    if (device_cpus(host, intent)) {
        const auto asked = intent.policy.device == DeviceChoice::package ? asks_device_package
                                                                         : asks_device_require;
        relax(relaxations, intent, ReasonCode::no_device_node, asked, device_prefer).policy.device =
            DeviceChoice::prefer;
    }
    if (intent.policy.numa == NumaChoice::single) {
        relax(relaxations, intent, ReasonCode::no_single_node, asks_numa_single, numa_prefer)
            .policy.numa = NumaChoice::prefer;
    }
}

void relax_cores(const HostIndex& host, const Intent& intent, Relaxations& relaxations)
{
    using enum ReasonPhrase;
    if (asks_for_own(intent.policy.emulator)) {
        relax(relaxations, intent, ReasonCode::no_own_core, asks_emulator_own, emulator_auto)
            .policy.emulator = {};
    }
    if (asks_for_own_iothreads(intent)) {
        relax(relaxations, intent, ReasonCode::no_own_core, asks_iothreads_own, iothreads_auto)
            .policy.iothreads = {};
    }
    if (host.topology->is_hybrid() && intent.policy.cores != CoreChoice::any) {
        relax(relaxations, intent, ReasonCode::no_kind, asks_one_kind, cores_any).policy.cores =
            CoreChoice::any;
    }
    if (lacks_siblings(host, intent)) {
        relax(relaxations, intent, ReasonCode::no_smt, asks_siblings, topology_match)
            .policy.topology = TopologyChoice::match;
    }
    if (intent.policy.smt == SmtChoice::require || intent.policy.smt == SmtChoice::isolate) {
        relax(relaxations, intent, ReasonCode::no_whole_cores, smt_asked(intent.policy.smt),
              smt_prefer)
            .policy.smt = SmtChoice::prefer;
    }
}

// In the order in which they are blamed: the option cpus first where nothing else matters, else
// last.
Relaxations relaxations_of(const HostIndex& host, const Intent& intent, const Surroundings& around)
{
    Relaxations relaxations;
    const auto restricted = !intent.policy.cpus.empty();
    const auto blamed_first = restricted && is_short_by_cpus(intent, around);
    if (blamed_first) {
        relax_cpus(intent, relaxations);
    }
    relax_places(host, intent, relaxations);
    relax_cores(host, intent, relaxations);
    if (restricted && !blamed_first) {
        relax_cpus(intent, relaxations);
    }
    return relaxations;
}

Intent with_vcpus(const Intent& intent, std::size_t count)
{
    auto smaller = intent;
    smaller.vcpus_online = {};
    for (const auto vcpu : intent.vcpus_online) {
        if (smaller.vcpus_online.size() < count) {
            smaller.vcpus_online.insert(vcpu);
        }
    }
    return smaller;
}

// Advice leads to no kind of core that was not asked for.
bool fits(Fleet& fleet, const Intent& intent, const Fleet::Availability& room)
{
    const auto placed = fleet.what_if(intent, room);
    return placed && placed->cost[CostTerm::kind] == 0;
}

// The largest number of vCPUs that fits, by halving; 0 when not even one does.
std::size_t most_vcpus(Fleet& fleet, const Intent& intent, const Fleet::Availability& room)
{
    std::size_t most = 0;
    auto too_many = std::min(intent.vcpus_online.size(), room.around.free.size() + 1);
    while (most + 1 < too_many) {
        const auto middle = most + (too_many - most) / 2;
        (fits(fleet, with_vcpus(intent, middle), room) ? most : too_many) = middle;
    }
    return most;
}

ReasonPhrase cores_needed(SmtChoice smt)
{
    return smt == SmtChoice::isolate ? ReasonPhrase::cores_isolate : ReasonPhrase::cores_require;
}

// Why `intent` does not fit, of which `code` is the first thing to give up.
Reason blame(ReasonCode code, const HostIndex& host, const Intent& intent,
             const Surroundings& around, const Relaxations& relaxations)
{
    using enum ReasonCode;
    const auto free = around.free.size();
    const auto vcpus = intent.vcpus_online.size();
    switch (code) {
    case restricted_cpus:
        return {code,
                {{"free", free},
                 {"allowed", intent.policy.cpus},
                 {"free_allowed", around.free.common(intent.policy.cpus)},
                 {"unlike", !is_short_by_cpus(intent, around)}}};
    case memory_locked:
        return {code, {{"free", free}, {"nodes", home_nodes(host, intent)}}};
    case memory_short:
        return {code, with_wanted_memory(intent, {{"free", free}})};
    case no_device_node:
        return {code,
                {{"free", free},
                 {"vcpus", vcpus},
                 {"nodes", attached_nodes(host, intent)},
                 {"package", intent.policy.device == DeviceChoice::package}}};
    case no_smt:
        return {code,
                {{"threads_per_core",
                  intent.topology && intent.topology->threads > 1 ? intent.topology->threads : 0}}};
    case no_whole_cores:
        return {code,
                {{"free", free}, {"need", cores_needed(intent.policy.smt)}, {"vcpus", vcpus}}};
    case no_room_as_asked: {
        ReasonPhrases asked;
        for (const auto& relaxation : relaxations) {
            asked.push_back(relaxation.asked);
        }
        return {code,
                {{"free", free},
                 {"asked", std::move(asked)},
                 {"allowed", intent.policy.cpus},
                 {"nodes", home_nodes(host, intent)}}};
    }
    default:
        return {code, {{"free", free}, {"vcpus", vcpus}}};
    }
}

} // namespace

Infeasibility find_infeasibility(Fleet& fleet, const Intent& intent,
                                 const Fleet::Availability& room)
{
    const auto relaxations = relaxations_of(fleet.host(), intent, room.around);
    auto code = ReasonCode::no_room;
    Ways ways;
    const auto too_few = room.around.free.size() < intent.vcpus_online.size();
    if (!too_few && !relaxations.empty()) {
        code = ReasonCode::no_room_as_asked;
        for (const auto& relaxation : relaxations) {
            if (fits(fleet, relaxation.intent, room)) {
                code = ways.phrases.empty() ? relaxation.code : code;
                ways.phrases.push_back(relaxation.way);
            }
        }
    }
    if (lacks_siblings(fleet.host(), intent)) {
        code = ReasonCode::no_smt;
    }
    RetreatBudget budget;
    const auto retreats = find_retreats(fleet,
                                        {.intent = intent,
                                         .now = loss_of(fleet.host(), intent, std::nullopt),
                                         .room = room,
                                         .housekeeping = room.around.housekeeping},
                                        budget);
    if (!retreats.empty()) {
        ways.housekeeping = retreats.front();
        ways.phrases.push_back(ReasonPhrase::other_housekeeping);
    }
    ways.most_vcpus = most_vcpus(fleet, intent, room);
    if (ways.most_vcpus > 0) {
        ways.phrases.push_back(ReasonPhrase::at_most_vcpus);
    }
    return {.reason = blame(code, fleet.host(), intent, room.around, relaxations),
            .ways = std::move(ways)};
}

} // namespace virtpind
