// SPDX-License-Identifier: LGPL-2.1-or-later
#include "yielding.hpp"

#include "daemon/planner/fleet/housekeeping.hpp"

#include <utility>

namespace virtpind {

namespace {

Fleet::Availability beside_active(const Fleet& fleet, const Member& member)
{
    return {.around = fleet.around(member, Fleet::Claims::active),
            .memory = MemoryLedger::Others::booked};
}

} // namespace

std::optional<ReasonPhrase> what_is_lost(const Loss& now, const Loss& then)
{
    using enum ReasonPhrase;
    if (now.place != then.place) {
        return lose_place;
    }
    if (now.kind != then.kind) {
        return lose_kind;
    }
    if (now.low_power != then.low_power) {
        return lose_usual_cores;
    }
    if (now.doubled != then.doubled) {
        return lose_cores;
    }
    if (now.nodes != then.nodes) {
        return lose_nodes;
    }
    if (now.device != then.device) {
        return lose_device;
    }
    return now.vcache != then.vcache ? std::optional{lose_vcache} : std::nullopt;
}

void explain_yielding(Fleet& fleet, const Member& member, const CpuSet& wished, DomainPlan& plan)
{
    const auto& kept = fleet.housekeeping_beside(member);
    const auto yielded = cores_used_by(fleet.host(), wished - kept, member.claim);
    if (yielded.empty()) {
        return;
    }
    const auto& intent = *member.intent;
    const auto now = loss_of(fleet.host(), intent, member.placed);
    fleet.memory().give_back(member.memory); // while it is asked where it would be
    const auto room = beside_active(fleet, member);
    const auto otherwise = loss_of(
        fleet.host(), intent,
        what_if_housekeeping(
            fleet, {.intent = intent, .now = now, .room = room, .housekeeping = kept}, wished));
    fleet.memory().take_again(member.memory);
    ReasonArguments arguments{{"yielded", yielded},
                              {"housekeeping", kept},
                              {"later", intent.activity == Activity::dormant}};
    if (now < otherwise) {
        if (const auto lost = what_is_lost(otherwise, now)) {
            arguments.push_back({"loss", *lost});
        }
    }
    plan.reasons.push_back({ReasonCode::housekeeping_yields, std::move(arguments)});
}

std::optional<Reason> what_housekeeping_costs(Fleet& fleet, const Member& member)
{
    if (runs_in_place(member)) {
        return std::nullopt; // it stays where it is
    }
    const auto& intent = *member.intent;
    const auto now = loss_of(fleet.host(), intent, member.placed);
    fleet.memory().give_back(member.memory); // while it is asked where it would be
    const auto room = beside_active(fleet, member);
    const RetreatTask task{.intent = intent,
                           .now = now,
                           .room = room,
                           .housekeeping = fleet.housekeeping_beside(member)};
    RetreatBudget budget;
    std::optional<Reason> advice;
    if (const auto retreats = find_retreats(fleet, task, budget); !retreats.empty()) {
        const auto then =
            loss_of(fleet.host(), intent, what_if_housekeeping(fleet, task, retreats.front()));
        if (const auto lost = then < now ? what_is_lost(now, then) : std::nullopt) {
            advice =
                Reason{ReasonCode::to_do_better, {{"spare", retreats.front()}, {"loss", *lost}}};
        }
    }
    fleet.memory().take_again(member.memory);
    return advice;
}

} // namespace virtpind
