// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fleet.hpp"

#include "daemon/planner/place/own_core.hpp"
#include "foreign.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>

namespace virtpind {

namespace {

bool is_active(const Member& member)
{
    return member.intent->activity != Activity::dormant;
}

bool is_running(const Member& member)
{
    return member.intent->activity == Activity::running;
}

// CPUs that vCPUs of a running domain have for themselves, as far as nobody else claims them.
CpuSet current_exclusive_cpus(const HostIndex& host, const Member& member,
                              const Surroundings& around)
{
    CpuSet cpus;
    for (const auto vcpu : member.intent->vcpus_online) {
        const auto cpu = present_cpu(host, *member.intent, vcpu);
        if (is_running(member) && cpu && around.free.contains(*cpu)) {
            cpus.insert(*cpu);
        }
    }
    return cpus;
}

CpuSet present_emulator(const Intent& intent)
{
    return intent.current.emulator.value_or(CpuSet{});
}

CpuSet present_iothreads(const Intent& intent)
{
    const auto& pins = intent.current.iothreads;
    return pins.empty() ? CpuSet{} : pins.begin()->second;
}

// All its vCPUs are where they may stay.
bool is_whole(const Member& member)
{
    return !member.kept_pins.conflict &&
           member.kept_pins.kept.size() == member.intent->vcpus_online.size();
}

bool stands_whole(const Member& member)
{
    return is_running(member) && is_whole(member);
}

bool have_common(const std::vector<std::size_t>& a, const std::vector<std::size_t>& b)
{
    auto x = a.begin();
    auto y = b.begin();
    while (x != a.end() && y != b.end() && *x != *y) {
        *x < *y ? ++x : ++y;
    }
    return x != a.end() && y != b.end();
}

} // namespace

Fleet::Fleet(const HostIndex& host, const PlanRequest& request, CpuSet usable, CpuSet housekeeping)
    : host_{host}
    , request_{request}
    , usable_{std::move(usable)}
    , housekeeping_{std::move(housekeeping)}
    , memory_{host}
{
    classify();
    number_devices();
    for (auto& member : members_) {
        turn_of(*member.intent);
        member.memory = memory_.hold(*member.intent);
    }
    reserve();
}

void Fleet::turn_of(const Intent& intent) const
{
    if (request_.watch != nullptr) {
        request_.watch->at(intent.uuid);
    }
}

// Roles, and the claims of domains that are not planned.
void Fleet::classify()
{
    for (const auto& intent : request_.intents) {
        turn_of(intent);
        Member member;
        member.intent = &intent;
        if (intent.stance == Stance::managed) {
            member.role = intent.policy.placement == Placement::dedicated ? Member::Role::dedicated
                          : intent.policy.placement == Placement::shared  ? Member::Role::shared
                                                                          : Member::Role::untouched;
        } else if (intent.stance != Stance::hands_off && is_active(member)) {
            const auto footprint = footprint_of(host_, intent);
            const auto floats =
                intent.stance == Stance::held && intent.policy.placement == Placement::shared;
            member.claim = floats ? CpuSet{} : footprint.claimed & usable_;
            member.load =
                (floats ? footprint.claimed | footprint.floats : footprint.floats) & usable_;
            member.load_vcpus = member.load.empty() ? 0 : footprint.floating;
        }
        members_.push_back(std::move(member));
    }
}

// Names as numbers: they are compared for every pair of domains.
void Fleet::number_devices()
{
    std::map<std::string_view, std::size_t> known;
    for (auto& member : members_) {
        for (const auto& device : member.intent->exclusive) {
            member.exclusive.push_back(known.try_emplace(device, known.size()).first->second);
        }
        std::sort(member.exclusive.begin(), member.exclusive.end());
    }
}

bool Fleet::never_together(const Member& a, const Member& b)
{
    return (a.intent->shut_off || b.intent->shut_off) && &a != &b &&
           have_common(a.exclusive, b.exclusive);
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

// Running domains stand on their present CPUs until their turn comes, so that nobody who is
// placed before takes them needlessly; what is needed beyond those (idle siblings, own cores) first
// for those that are in their place.
void Fleet::reserve()
{
    std::vector<Member*> order;
    for (const auto index : placing_order(*this, false)) {
        auto& member = members_[index];
        if (is_running(member)) {
            order.push_back(&member);
            member.claim = current_exclusive_cpus(host_, member, around(member, Claims::active));
        }
    }
    const auto look = [this](Member* member) {
        turn_of(*member->intent);
        auto surroundings = around(*member, Claims::active);
        member->kept_pins = find_kept_pins(host_, *member->intent, surroundings);
        return surroundings;
    };
    std::erase_if(order, [&](Member* member) {
        const auto surroundings = look(member);
        const auto whole = stands_whole(*member);
        if (whole) {
            reserve_for(*member, surroundings);
        }
        return whole;
    });
    for (auto* member : order) {
        reserve_for(*member, look(member));
    }
}

void Fleet::reserve_for(Member& member, const Surroundings& around) const
{
    const auto& intent = *member.intent;
    if (intent.policy.fallback == Fallback::shared) {
        member.claim = {}; // where it may not stay it will not stay
    }
    member.claim |= claim_of(host_, intent.policy, member.kept_pins.kept);
    const auto reserve_core = [&](const ThreadChoice& choice, const CpuSet& present) {
        if (choice.mode == ThreadChoice::Mode::own && !member.kept_pins.kept.empty()) {
            const auto free = around.free - member.claim;
            member.claim |= claim_of_own_core(host_, free, present_own_core(host_, free, present));
        }
    };
    reserve_core(intent.policy.emulator, present_emulator(intent));
    reserve_core(intent.policy.iothreads, present_iothreads(intent));
}

Surroundings Fleet::around(const Member& member, Claims claims) const
{
    Surroundings around{
        .free = usable_ - housekeeping_, .claimed = {}, .housekeeping = housekeeping_};
    for (const auto& other : members_) {
        if (&other == &member || claims == Claims::none || never_together(member, other)) {
            continue;
        }
        if (claims == Claims::all || is_active(other)) {
            around.claimed |= other.claim;
            around.loaded |= other.load;
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
    auto pool = pool_of_all();
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
    if (member.intent->settled) {
        member.kept_pins = find_kept_pins(host_, *member.intent, around);
        if (is_whole(member)) {
            keep_in_place(member, around);
            if (claim_own_cores(member, around)) {
                return true;
            }
        }
        member.kept_pins = {};
    }
    return find_place(member, around, memory_for(member, memory), std::nullopt, {});
}

bool Fleet::place(Member& member, Claims claims, MoveReason move_reason)
{
    turn_of(*member.intent);
    const auto surroundings = around(member, claims);
    memory_.give_back(std::exchange(member.memory, {}));
    auto placed = false;
    if (is_running(member) && move_reason == MoveReason::own) {
        member.kept_pins = find_kept_pins(host_, *member.intent, surroundings);
        if (stands_whole(member)) {
            keep_in_place(member, surroundings);
            placed = claim_own_cores(member, surroundings);
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
        placed = place_again(member, surroundings, move_reason);
    }
    if (!placed) {
        member.placed.reset();
        member.kept_pins = {};
        member.memory = memory_.hold(*member.intent);
        const auto stays = member.intent->policy.fallback == Fallback::fail;
        member.claim = stays ? current_exclusive_cpus(host_, member, surroundings) : CpuSet{};
    }
    return placed;
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

bool Fleet::place_again(Member& member, const Surroundings& around, MoveReason move_reason)
{
    const auto& intent = *member.intent;
    const auto home = home_nodes(host_, intent);
    const auto move = intent.policy.move;
    if (home.empty()) {
        return try_place(member, around, std::nullopt, {});
    }
    const auto bound_home =
        intent.memory_locked || (move_reason == MoveReason::others && move != MoveLimit::node);
    if (bound_home || move != MoveLimit::node) {
        if (try_place(member, around, home, {})) {
            return true;
        }
    }
    return !bound_home && try_place(member, around, std::nullopt, {});
}

bool Fleet::try_place(Member& member, const Surroundings& around,
                      const std::optional<NodeSet>& nodes, const VcpuMap& kept)
{
    if (!find_place(member, around, memory_for(member, Memory::beside_all), nodes, kept)) {
        return false;
    }
    take_memory(member);
    return true;
}

bool Fleet::find_place(Member& member, const Surroundings& around,
                       const MemoryLedger::Amounts& available, const std::optional<NodeSet>& nodes,
                       const VcpuMap& kept)
{
    auto room = around;
    const auto give_up = [&member] {
        member.placed.reset();
        member.emulator_core = {};
        member.iothread_core = {};
        return false;
    };
    // A second time if the vCPUs took the last whole core from threads that need one.
    for (auto last = false;; last = true) {
        member.placed = place_dedicated(host_,
                                        PlaceTask{.intent = *member.intent,
                                                  .around = room,
                                                  .available_kib = available,
                                                  .nodes = nodes,
                                                  .kept = kept},
                                        tables_);
        if (!member.placed) {
            return give_up();
        }
        member.others = around.claimed;
        member.claim = member.placed->claim;
        if (claim_own_cores(member, around)) {
            member.placed->proven = member.placed->proven && !last;
            return true;
        }
        room.free = around.free - cores_to_set_aside(member, around, kept);
        if (last || room.free == around.free) {
            return give_up();
        }
    }
}

// The whole cores its threads would have if only the vCPUs that stay had a place; none where there
// are not so many.
CpuSet Fleet::cores_to_set_aside(Member member, const Surroundings& around,
                                 const VcpuMap& kept) const
{
    CpuSet stay;
    for (const auto& [vcpu, cpu] : kept) {
        stay.insert(cpu);
    }
    member.claim = stay;
    return claim_own_cores(member, around) ? member.claim - stay : CpuSet{};
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
    const auto room = all_to_itself();
    const auto available = memory_.available(*member.intent, room.memory);
    return place_dedicated(host_,
                           PlaceTask{.intent = *member.intent,
                                     .around = room.around,
                                     .available_kib = available,
                                     .nodes = std::nullopt,
                                     .kept = {}},
                           tables_);
}

std::optional<Placed> Fleet::what_if(const Intent& intent, const Availability& room)
{
    Member trial;
    trial.intent = &intent;
    const auto home = home_nodes(host_, intent);
    const auto bound = intent.memory_locked && !home.empty();
    if (!find_place(trial, room.around, memory_.available(intent, room.memory),
                    bound ? std::optional{home} : std::nullopt, {})) {
        return std::nullopt;
    }
    trial.placed->claim = trial.claim;
    return std::move(trial.placed);
}

Fleet::Availability Fleet::all_to_itself() const
{
    return {.around = {.free = free_of_all(), .claimed = {}, .housekeeping = housekeeping_},
            .memory = MemoryLedger::Others::ignored};
}

bool Fleet::claim_own_cores(Member& member, const Surroundings& around) const
{
    const auto stays = member.placed->pins == member.kept_pins.kept;
    const auto claim_one = [&](const ThreadChoice& choice, const CpuSet& present, CpuSet& own) {
        own = {};
        if (choice.mode != ThreadChoice::Mode::own) {
            return true;
        }
        const auto free = around.free - member.claim;
        own = choose_own_core(host_, *member.intent, {.usable = usable_, .free = free},
                              member.placed->claim, {.cpus = present, .stays = stays});
        member.claim |= claim_of_own_core(host_, free, own);
        return !own.empty();
    };
    const auto& policy = member.intent->policy;
    return claim_one(policy.emulator, present_emulator(*member.intent), member.emulator_core) &&
           (member.intent->iothreads.empty() ||
            claim_one(policy.iothreads, present_iothreads(*member.intent), member.iothread_core));
}

void Fleet::unplace(Member& member)
{
    memory_.give_back(member.memory);
    member.memory = memory_.hold(*member.intent); // where it goes to is not known yet
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

// Whether cores of the kind it wishes could hold it, if it had all of them.
bool may_have_its_wish(const Fleet& fleet, const Intent& intent)
{
    const auto& kinds = fleet.host().topology->kinds;
    return std::any_of(kinds.begin(), kinds.end(), [&](const Kind& kind) {
        return intent.policy.cores == CoreChoice::any ||
               (is_wished(kind.core_class, intent.policy.cores) &&
                (fleet.free_of_all() & kind.cpus).size() >= intent.vcpus_online.size());
    });
}

std::vector<std::size_t> placing_order(const Fleet& fleet, bool dormant)
{
    const auto& members = fleet.members();
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < members.size(); ++i) {
        if (members[i].role == Member::Role::dedicated && is_active(members[i]) != dormant) {
            order.push_back(i);
        }
    }
    const auto key = [&](std::size_t i) {
        const auto& intent = *members[i].intent;
        // What must take another kind takes what is left of it by those who wish for that. Of those
        // that are shut off, what they have decides no turn: else a plan would not follow from its
        // own result.
        return std::tuple{-std::int64_t{intent.policy.priority}, !may_have_its_wish(fleet, intent),
                          !dormant && !stands_whole(members[i]),
                          -static_cast<std::int64_t>(intent.vcpus_online.size())};
    };
    std::stable_sort(order.begin(), order.end(),
                     [&key](std::size_t a, std::size_t b) { return key(a) < key(b); });
    return order;
}

} // namespace virtpind
