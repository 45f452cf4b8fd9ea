// SPDX-License-Identifier: LGPL-2.1-or-later
#include "explain.hpp"

#include "advice.hpp"
#include "infeasibility.hpp"
#include "place_reasons.hpp"

#include <algorithm>
#include <utility>

namespace virtpind {

namespace {

bool tells(const DomainPlan& plan, ReasonCode code)
{
    return std::any_of(plan.reasons.begin(), plan.reasons.end(),
                       [code](const Reason& reason) { return reason.code == code; });
}

} // namespace

void explain_dedicated(Fleet& fleet, const Member& member, DomainPlan& plan)
{
    explain_place(fleet, member, plan);
    fleet.memory().give_back(member.memory); // while it is asked where it could be
    auto memory_costs = what_memory_costs(fleet, member);
    auto spread_gives = what_spread_gives(fleet, member);
    fleet.memory().take_again(member.memory);
    if (spread_gives) {
        plan.reasons.push_back(std::move(*spread_gives));
    }
    if (memory_costs) {
        plan.reasons.push_back(std::move(*memory_costs));
    } else if (auto advice = how_to_do_better(fleet, member)) {
        plan.reasons.push_back(std::move(*advice));
    }
}

void explain_infeasible(Fleet& fleet, const Member& member, DomainPlan& plan)
{
    fleet.memory().give_back(member.memory); // while it is asked where it could be
    auto infeasibility = find_infeasibility(fleet, *member.intent,
                                            {.around = fleet.around(member, Fleet::Claims::active),
                                             .memory = MemoryLedger::Others::booked});
    auto advice = how_to_fit(fleet, member, infeasibility.ways);
    fleet.memory().take_again(member.memory);
    plan.reasons.push_back(std::move(infeasibility.reason));
    if (member.intent->policy.fallback == Fallback::shared) {
        plan.reasons.push_back({ReasonCode::fell_back_to_shared});
    } else {
        explain_left_alone(plan);
    }
    plan.reasons.push_back(std::move(advice));
}

void explain_left_alone(DomainPlan& plan)
{
    plan.reasons.push_back({ReasonCode::left_untouched});
}

void explain_share(const Fleet& fleet, const Member& member, const Share& share, DomainPlan& plan)
{
    const auto& intent = *member.intent;
    const auto vcpus = intent.all_online().size();
    const auto say = [&plan](ReasonCode code, ReasonArguments arguments) {
        plan.reasons.push_back({code, std::move(arguments)});
    };
    if (share.bound_by_memory) {
        say(ReasonCode::memory_locked, {{"shared", true}});
    }
    switch (share.on) {
    case Share::On::pool:
        say(ReasonCode::floats_on_pool, {{"vcpus", vcpus},
                                         {"cpus", share.cpus},
                                         {"nodes", fleet.host().topology->nodes_of(share.cpus)}});
        break;
    case Share::On::housekeeping:
        say(ReasonCode::no_pool, {{"vcpus", vcpus},
                                  {"housekeeping", share.cpus},
                                  {"isolated", !fleet.host().quiet.empty()}});
        break;
    case Share::On::claimed:
        say(ReasonCode::no_pool, {{"vcpus", vcpus},
                                  {"cpus", share.cpus},
                                  {"owners", claimants(fleet, member, share.cpus)}});
        break;
    }
    if (!share.holds) {
        say(ReasonCode::pool_full, {{"usable", share.cpus.size()},
                                    {"vcpus", vcpus},
                                    {"elsewhere", share.on != Share::On::pool}});
    }
    if (share.mixed && intent.policy.cores != CoreChoice::any) {
        say(ReasonCode::kind_mixed, {});
    }
}

void explain_floating(const Member& member, const Share& share, DomainPlan& plan)
{
    const auto& intent = *member.intent;
    plan.reasons.push_back(
        {ReasonCode::vcpus_float,
         {{"own", intent.vcpus_online},
          {"floating", intent.floating},
          {"cpus", share.on == Share::On::pool ? share.cpus : CpuSet{}},
          {"housekeeping", share.on == Share::On::housekeeping ? share.cpus : CpuSet{}}}});
    if (share.beyond_cpus) {
        plan.reasons.push_back({ReasonCode::cpus_not_in_pool, {{"allowed", intent.policy.cpus}}});
    }
    if (!share.holds && share.on == Share::On::pool) {
        plan.reasons.push_back({ReasonCode::pool_full, {{"usable", share.cpus.size()}}});
    }
}

void explain_shortfall(const HostIndex& host, const Member& member, const Share& share,
                       DomainPlan& plan)
{
    const auto& intent = *member.intent;
    if (share.beyond_cpus) {
        plan.reasons.push_back({ReasonCode::cpus_not_in_pool, {{"allowed", intent.policy.cpus}}});
    }
    if (share.off_devices) {
        plan.reasons.push_back({ReasonCode::devices_not_in_pool,
                                {{"vcpus", intent.all_online().size()},
                                 {"nodes", attached_nodes(host, intent)},
                                 {"package", intent.policy.device == DeviceChoice::package}}});
    }
    if (share.over_nodes) {
        plan.reasons.push_back(
            {ReasonCode::no_single_node, {{"vcpus", intent.all_online().size()}}});
    }
    if (share.memory_short) {
        plan.reasons.push_back({ReasonCode::memory_short});
    }
}

void explain_overrun(NameList names, DomainPlan& plan)
{
    plan.reasons.push_back({ReasonCode::claim_overrun, {{"neighbours", std::move(names)}}});
}

void explain_untouched(const Member& member, DomainPlan& plan)
{
    const auto add = [&plan](ReasonCode code, ReasonArguments arguments) {
        if (!tells(plan, code)) {
            plan.reasons.push_back({code, std::move(arguments)});
        }
    };
    const auto& name = member.intent->policy.name;
    switch (member.intent->stance) {
    case Stance::foreign:
        add(ReasonCode::foreign_pins,
            {{"load", member.load}, {"shut_off", member.intent->activity == Activity::dormant}});
        return;
    case Stance::held:
        add(ReasonCode::held, {});
        return;
    case Stance::broken: // the intent says why
        return;
    case Stance::managed:
    case Stance::hands_off:
        add(ReasonCode::hands_off, {{"policy", name == "none" ? std::string{} : name}});
        return;
    }
}

} // namespace virtpind
