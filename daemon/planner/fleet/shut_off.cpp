// SPDX-License-Identifier: LGPL-2.1-or-later
#include "shut_off.hpp"

#include "kept_housekeeping.hpp"
#include "own_cores.hpp"
#include "placing_order.hpp"

#include <optional>
#include <utility>

namespace virtpind {

namespace {

using Claims = Fleet::Claims;
using Later = Fleet::Later;

// The housekeeping that would give way to one that is shut off, where it would lose `now`.
std::vector<CpuSet> retreats_when_started(Arrangement& arrangement, Member& member, const Loss& now,
                                          Claims claims, MemoryLedger::Others memory)
{
    auto& fleet = *arrangement.fleet;
    const auto& housekeeping = claims == Claims::none ? arrangement.wished : fleet.housekeeping();
    fleet.memory().give_back(member.memory);
    Fleet::Availability room{.around = fleet.around(member, claims), .memory = memory};
    room.around.free =
        (room.around.free | fleet.housekeeping()) - room.around.claimed - housekeeping;
    auto retreats = find_retreats(
        fleet, {.intent = *member.intent, .now = now, .room = room, .housekeeping = housekeeping},
        arrangement.budget);
    fleet.memory().take_again(member.memory);
    return retreats;
}

// The CPUs of its emulator and I/O threads, where these have cores of their own.
CpuSet defined_extra_cores(const Intent& intent)
{
    CpuSet cpus;
    if (intent.policy.emulator.mode == ThreadChoice::Mode::own && intent.current.emulator) {
        cpus |= *intent.current.emulator;
    }
    if (intent.policy.iothreads.mode == ThreadChoice::Mode::own) {
        for (const auto& [id, pin] : intent.current.iothreads) {
            cpus |= pin;
        }
    }
    return cpus;
}

// What housekeeping keeps while it is on `cpus`, beside those that run or as if these were off.
CpuSet housekeeping_beside(const Arrangement& arrangement, const Member& member, const CpuSet& cpus,
                           Claims claims)
{
    const auto& fleet = *arrangement.fleet;
    const auto& wished = claims == Claims::none ? arrangement.wished : fleet.housekeeping();
    return remaining_beside(fleet, wished,
                            {.by_respected = cpus,
                             .by_active = cpus | fleet.around(member, claims).claimed,
                             .around = cpus});
}

// Where its definition has it, with the housekeeping that leaves it there, if that is no worse than
// what it has now, which is as `later` says.
std::optional<Later> place_as_defined(Arrangement& arrangement, Member& member, Later later)
{
    auto& fleet = *arrangement.fleet;
    const auto& intent = *member.intent;
    VcpuMap defined;
    CpuSet cpus;
    for (const auto vcpu : intent.vcpus_online) {
        if (const auto cpu = present_cpu(fleet.host(), intent, vcpu)) {
            defined.emplace(vcpu, *cpu);
            cpus.insert(*cpu);
        }
    }
    const auto is_there = [&] { return member.placed && member.placed->pins == defined; };
    if (!intent.has_our_pins || is_there() || !cpus.intersects(fleet.housekeeping())) {
        return std::nullopt;
    }
    cpus |= defined_extra_cores(intent);
    const auto before = member;
    for (const auto claims : {Claims::active, Claims::none}) {
        member.housekeeping = housekeeping_beside(arrangement, member, cpus, claims);
        const auto then = fleet.place_dormant(member);
        const auto beside = claims == Claims::none ? then <= later : then != Later::cpus;
        if (beside && is_there() &&
            loss_in(fleet, member) <= loss_of(fleet.host(), intent, before.placed)) {
            return then;
        }
        fleet.restore(member, before);
    }
    return std::nullopt;
}

// With the housekeeping that would give way to it when it starts: that of those that run stays
// where it is until then.
Later place_one(Arrangement& arrangement, Member& member)
{
    auto& fleet = *arrangement.fleet;
    const auto later = fleet.place_dormant(member);
    const auto try_beside = [&](const Loss& now, Claims claims,
                                MemoryLedger::Others memory) -> std::optional<Later> {
        const auto retreats = retreats_when_started(arrangement, member, now, claims, memory);
        if (retreats.empty()) {
            return std::nullopt;
        }
        auto before = member;
        member.housekeeping = retreats.front();
        const auto then = fleet.place_dormant(member);
        const auto beside_active = claims == Claims::none || then != Later::cpus;
        if (beside_active && loss_in(fleet, member) < now) {
            return then;
        }
        fleet.restore(member, std::move(before));
        return std::nullopt;
    };
    if (arrangement.wished.empty()) {
        return later;
    }
    if (const auto defined = place_as_defined(arrangement, member, later)) {
        return *defined;
    }
    const auto memory =
        later == Later::no ? MemoryLedger::Others::booked : MemoryLedger::Others::ignored;
    const auto alone = later == Later::cpus || !member.placed;
    const auto now = loss_in(fleet, member);
    // One that has no place beside those that run has lost it to them, or to housekeeping.
    auto given = try_beside(alone ? Loss{.place = true} : now, Claims::active, memory);
    if (!given && alone) {
        given = try_beside(now, Claims::none, MemoryLedger::Others::ignored);
    }
    return given.value_or(later);
}

// What its definition says once it has the place that it got.
PinSet applied_pins(const Member& member)
{
    auto pins = member.intent->current;
    for (const auto& [vcpu, cpu] : member.placed->pins) {
        pins.vcpus[vcpu] = {cpu};
    }
    if (!member.emulator_core.empty()) {
        pins.emulator = member.emulator_core;
    }
    if (!member.iothread_core.empty()) {
        for (const auto id : member.intent->iothreads) {
            pins.iothreads[id] = member.iothread_core;
        }
    }
    return pins;
}

// One round places all, each from its definition; the next one takes the places for definitions.
class Rounds {
public:
    explicit Rounds(Arrangement& arrangement)
        : arrangement_{arrangement}
        , fleet_{*arrangement.fleet}
        , later_(fleet_.members().size(), Later::no)
    {
        for (const auto index : placing_order(fleet_, true)) {
            dormant_.push_back(
                {.index = index, .before = fleet_.members()[index], .applied = std::nullopt});
        }
    }

    std::vector<Later> run() &&
    {
        place_all();
        for (auto round = 1; round < most_rounds && apply(); ++round) {
            place_all();
        }
        for (const auto& one : dormant_) {
            fleet_.members()[one.index].intent = one.before.intent;
        }
        return std::move(later_);
    }

private:
    static constexpr int most_rounds = 3;

    struct Dormant {
        std::size_t index = 0;
        Member before; // it was placed
        std::optional<Intent> applied;
    };

    void place_all()
    {
        auto& members = fleet_.members();
        for (const auto& one : dormant_) {
            later_[one.index] = place_one(arrangement_, members[one.index]);
        }
        for (const auto& one : dormant_) {
            if (later_[one.index] == Later::no) {
                give_own_cores(fleet_, members[one.index]);
            }
        }
    }

    // False where all have the places of their definitions. Else none is placed.
    bool apply()
    {
        auto changed = false;
        for (auto& one : dormant_) {
            const auto& member = fleet_.members()[one.index];
            if (!member.placed) {
                continue;
            }
            auto pins = applied_pins(member);
            if (!member.intent->has_our_pins || pins != member.intent->current) {
                auto intent = *member.intent;
                intent.current = std::move(pins);
                intent.has_our_pins = true;
                one.applied = std::move(intent);
                changed = true;
            }
        }
        for (std::size_t i = 0; changed && i < dormant_.size(); ++i) {
            const auto& one = dormant_[i];
            auto& member = fleet_.members()[one.index];
            fleet_.restore(member, one.before);
            member.intent = one.applied ? &*one.applied : one.before.intent;
        }
        return changed;
    }

    Arrangement& arrangement_;
    Fleet& fleet_;
    std::vector<Later> later_;
    std::vector<Dormant> dormant_; // in the order in which they are placed
};

} // namespace

std::vector<Later> place_shut_off(Arrangement& arrangement)
{
    return Rounds{arrangement}.run();
}

} // namespace virtpind
