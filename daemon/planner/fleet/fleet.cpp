// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fleet.hpp"

#include "extra_cores.hpp"

#include <array>
#include <utility>

namespace virtpind {

Fleet::Fleet(const HostIndex& host, const PlanRequest& request, CpuSet usable, CpuSet housekeeping)
    : host_{host}
    , request_{request}
    , usable_{std::move(usable)}
    , housekeeping_{std::move(housekeeping)}
    , memory_{host}
    , members_{make_members(host, request, usable_)}
{
    for (auto& member : members_) {
        turn_of(*member.intent);
        member.memory = memory_.reserve_existing(*member.intent);
        has_loads_ = has_loads_ || !member.load.empty();
    }
}

void Fleet::turn_of(const Intent& intent) const
{
    request_.turn_of(intent);
}

std::vector<const Member*> Fleet::rivals(const Member& member) const
{
    std::vector<const Member*> rivals;
    for (const auto& other : members_) {
        if (is_active(other) && never_together(member, other)) {
            rivals.push_back(&other);
        }
    }
    return rivals;
}

Surroundings Fleet::around(const Member& member, Claims claims) const
{
    const auto& housekeeping = housekeeping_beside(member);
    Surroundings around{
        .free = usable_ - housekeeping, .claimed = {}, .housekeeping = housekeeping};
    for (const auto& other : members_) {
        if (&other == &member || claims == Claims::none || never_together(member, other)) {
            continue;
        }
        if (claims == Claims::all || is_active(other)) {
            around.claimed |= other.claim;
            if (has_loads_) {
                around.loaded |= other.load;
            }
        }
    }
    around.free -= around.claimed;
    return around;
}

std::vector<MemoryLedger::Absent> Fleet::absent_for(const Member& member, Memory which) const
{
    std::vector<MemoryLedger::Absent> absent;
    for (const auto& other : members_) {
        const auto ignored = which == Memory::beside_active && !is_active(other);
        if (&other != &member && (ignored || never_together(member, other))) {
            absent.push_back({.intent = other.intent, .taken = &other.memory});
        }
    }
    return absent;
}

MemoryLedger::Amounts Fleet::memory_for(const Member& member, Memory which) const
{
    if (which == Memory::any) {
        return MemoryLedger::Amounts(host_.topology->nodes.size());
    }
    const auto others =
        which == Memory::in_all ? MemoryLedger::Others::off : MemoryLedger::Others::booked;
    return memory_.available(*member.intent, others, absent_for(member, which));
}

std::uint64_t Fleet::missing_kib(const Member& member)
{
    memory_.give_back(member.memory);
    const auto missing = memory_.missing_kib(*member.intent, MemoryLedger::Others::booked,
                                             absent_for(member, Memory::beside_active));
    memory_.take_again(member.memory);
    return missing;
}

CpuSet Fleet::pool() const
{
    auto pool = pool_of_all();
    for (const auto& member : members_) {
        if (is_active(member)) {
            pool -= member.claim;
        }
    }
    return pool;
}

CpuSet Fleet::pool_for(const Member& member) const
{
    auto pool = pool_of_all_beside(member);
    for (const auto& other : members_) {
        if (is_active(other) && !never_together(member, other)) {
            pool -= other.claim;
        }
    }
    return pool;
}

Fleet::Later Fleet::place_dormant(Member& member)
{
    struct World {
        Claims claims;
        Memory memory;
        Later later;
    };

    static constexpr std::array worlds{World{Claims::all, Memory::beside_all, Later::no},
                                       World{Claims::active, Memory::beside_active, Later::no},
                                       World{Claims::active, Memory::in_all, Later::memory},
                                       World{Claims::active, Memory::any, Later::memory},
                                       World{Claims::none, Memory::in_all, Later::cpus},
                                       World{Claims::none, Memory::any, Later::cpus}};
    memory_.give_back(std::exchange(member.memory, {}));
    for (const auto& world : worlds) {
        const auto surroundings = around(member, world.claims);
        if (world.later != Later::no) {
            if (place_later(member, surroundings, world.memory)) {
                return world.later; // nothing is booked: it does not start now
            }
        } else if (find_place(member, surroundings, memory_for(member, world.memory), std::nullopt,
                              {})) {
            take_memory(member);
            return world.later;
        }
    }
    member.placed.reset();
    member.kept_pins = {};
    member.claim = {};
    return Later::no;
}

bool Fleet::place_later(Member& member, const Surroundings& around, Memory memory)
{
    member.kept_pins = {};
    if (member.intent->has_our_pins) {
        member.kept_pins = find_kept_pins(host_, *member.intent, around);
        if (may_keep_all_pins(member)) {
            keep_in_place(member, around);
            if (claim_extra_cores(host_, usable_, around.free, member)) {
                return true;
            }
        }
        member.kept_pins = {};
    }
    return find_place(member, around, memory_for(member, memory), std::nullopt, {});
}

bool Fleet::place(Member& member, Claims claims, MoveReason move_reason, const PackLimits* limits)
{
    turn_of(*member.intent);
    const auto surroundings = around(member, claims);
    memory_.give_back(std::exchange(member.memory, {}));
    auto placed = false;
    if (is_running(member) && move_reason == MoveReason::own) {
        member.kept_pins = find_kept_pins(host_, *member.intent, surroundings);
        if (runs_in_place(member)) {
            keep_in_place(member, surroundings);
            placed = claim_extra_cores(host_, usable_, surroundings.free, member);
            if (placed) {
                take_memory(member);
            }
        }
        const auto stays = !member.kept_pins.conflict && !member.kept_pins.kept.empty();
        if (!placed && (stays || member.intent->policy.move == MoveLimit::never)) {
            const auto home = home_nodes(host_, *member.intent);
            const auto bound = member.intent->memory_locked && !home.empty();
            placed = try_place(member, surroundings, bound ? std::optional{home} : std::nullopt,
                               member.kept_pins.kept);
        }
    }
    if (!placed) {
        placed = place_again(member, surroundings, move_reason, limits);
    }
    return placed || give_up_place(member, surroundings);
}

bool Fleet::place_keeping(Member& member, const VcpuMap& kept)
{
    turn_of(*member.intent);
    const auto surroundings = around(member, Claims::all);
    memory_.give_back(std::exchange(member.memory, {}));
    const auto home = home_nodes(host_, *member.intent);
    const auto bound = !home.empty() && (member.intent->memory_locked ||
                                         member.intent->policy.move != MoveLimit::node);
    return try_place(member, surroundings, bound ? std::optional{home} : std::nullopt, kept) ||
           give_up_place(member, surroundings);
}

// It claims no more than what it has if it is to be left untouched. False.
bool Fleet::give_up_place(Member& member, const Surroundings& around)
{
    member.placed.reset();
    member.kept_pins = {};
    member.memory = memory_.reserve_existing(*member.intent);
    const auto stays = member.intent->policy.fallback == Fallback::fail;
    member.claim = stays ? current_exclusive_cpus(host_, member, around.free) : CpuSet{};
    return false;
}

// There is nothing to choose: proven, given the pins that stay.
void Fleet::keep_in_place(Member& member, const Surroundings& around) const
{
    auto& pins = member.kept_pins.kept;
    member.placed = Placed{.pins = pins,
                           .claim = claim_of(host_, member.intent->policy, pins),
                           .cost = cost_of(host_, *member.intent, around, pins),
                           .proven = true};
    member.claim = member.placed->claim;
}

bool Fleet::place_again(Member& member, const Surroundings& around, MoveReason move_reason,
                        const PackLimits* limits)
{
    const auto& intent = *member.intent;
    const auto home = home_nodes(host_, intent);
    const auto move = intent.policy.move;
    if (home.empty()) {
        return try_place(member, around, std::nullopt, {}, limits);
    }
    const auto bound_home =
        intent.memory_locked || (move_reason == MoveReason::others && move != MoveLimit::node);
    if (bound_home || move != MoveLimit::node) {
        if (try_place(member, around, home, {}, limits)) {
            return true;
        }
    }
    return !bound_home && try_place(member, around, std::nullopt, {}, limits);
}

bool Fleet::try_place(Member& member, const Surroundings& around,
                      const std::optional<NodeSet>& nodes, const VcpuMap& kept,
                      const PackLimits* limits)
{
    if (!find_place(member, around, memory_for(member, Memory::beside_all), nodes, kept, limits)) {
        return false;
    }
    take_memory(member);
    return true;
}

bool Fleet::find_place(Member& member, const Surroundings& around,
                       const MemoryLedger::Amounts& available, const std::optional<NodeSet>& nodes,
                       const VcpuMap& kept, const PackLimits* limits)
{
    auto left = around;
    const auto try_in = [&] {
        member.placed = place_dedicated(host_,
                                        PlaceTask{.intent = *member.intent,
                                                  .around = left,
                                                  .available_kib = available,
                                                  .nodes = nodes,
                                                  .kept = kept,
                                                  .own_cores = member.own_cores,
                                                  .limits = limits},
                                        tables_);
        if (!member.placed) {
            return false;
        }
        member.others = around.claimed;
        member.claim = member.placed->claim;
        return claim_extra_cores(host_, usable_, around.free, member);
    };
    if (try_in()) {
        return true;
    }
    // Its vCPUs took the last whole core from threads that need one: these have the first choice.
    using Prefer = CoreSupply::Prefer;
    const auto without = member;
    for (const auto prefer : {Prefer::near, Prefer::small}) {
        if (!without.placed) {
            break;
        }
        left.free =
            around.free -
            extra_cores_beside(host_, {.usable = usable_, .free = around.free, .prefer = prefer},
                               without, kept);
        if (left.free != around.free && try_in()) {
            member.placed->proven = false;
            return true;
        }
    }
    member.placed.reset();
    member.emulator_core = {};
    member.iothread_core = {};
    return false;
}

void Fleet::take_memory(Member& member)
{
    NodeSet nodes;
    for (const auto& [vcpu, cpu] : member.placed->pins) {
        nodes.insert(host_.node_id(host_.cpu(cpu).node));
    }
    member.memory = memory_.take(*member.intent, nodes);
}

std::optional<Placed> Fleet::place_alone(const Member& member)
{
    const auto whole = all_to_itself(member);
    const auto available = memory_.available(*member.intent, whole.memory);
    return place_dedicated(host_,
                           PlaceTask{.intent = *member.intent,
                                     .around = whole.around,
                                     .available_kib = available,
                                     .nodes = std::nullopt,
                                     .kept = {},
                                     .own_cores = member.own_cores},
                           tables_);
}

std::optional<Placed> Fleet::what_if(const Intent& intent, const Availability& availability)
{
    Member trial;
    trial.intent = &intent;
    const auto home = home_nodes(host_, intent);
    const auto bound = intent.memory_locked && !home.empty();
    if (!find_place(trial, availability.around, memory_.available(intent, availability.memory),
                    bound ? std::optional{home} : std::nullopt, {})) {
        return std::nullopt;
    }
    trial.placed->claim = trial.claim;
    return std::move(trial.placed);
}

Fleet::Availability Fleet::all_to_itself(const Member& member) const
{
    return {.around = around(member, Claims::none), .memory = MemoryLedger::Others::ignored};
}

void Fleet::put_housekeeping_on(CpuSet housekeeping)
{
    housekeeping_ = std::move(housekeeping);
    for (auto& member : members_) {
        if (member.placed) {
            member.placed->cost =
                cost_of(host_, *member.intent, around(member, Claims::active), member.placed->pins);
            member.placed->proven = false;
        }
    }
}

void Fleet::unplace(Member& member)
{
    memory_.give_back(member.memory);
    member.memory = memory_.reserve_existing(*member.intent); // where it goes to is not known yet
    member.claim = {};
    member.placed.reset();
    member.emulator_core = {};
    member.iothread_core = {};
}

void Fleet::restore(Member& member, Member before)
{
    memory_.give_back(member.memory);
    member = std::move(before);
    memory_.take_again(member.memory);
}

} // namespace virtpind
