// SPDX-License-Identifier: LGPL-2.1-or-later
#include "not_now.hpp"

#include "advice.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace virtpind {

namespace {

// The devices that both have.
std::vector<std::string> in_common(const Intent& a, const Intent& b)
{
    std::vector<std::string> common;
    std::set_intersection(a.exclusive.begin(), a.exclusive.end(), b.exclusive.begin(),
                          b.exclusive.end(), std::back_inserter(common));
    return common;
}

void explain_rivals(const Fleet& fleet, const Member& member, DomainPlan& plan)
{
    NameList waiting;
    std::set<std::string> devices;
    for (const auto* rival : fleet.rivals(member)) {
        const auto common = in_common(*member.intent, *rival->intent);
        if (!rival->intent->shut_off) {
            plan.awaits = true;
            plan.reasons.push_back(
                {ReasonCode::device_in_use, {{"devices", common}, {"rival", rival->intent->name}}});
            return;
        }
        devices.insert(common.begin(), common.end());
        waiting.push_back(rival->intent->name);
    }
    if (!waiting.empty()) {
        plan.reasons.push_back({ReasonCode::device_in_use,
                                {{"devices", NameList{devices.begin(), devices.end()}},
                                 {"rivals", std::move(waiting)}}});
    }
}

void explain_taken(const Fleet& fleet, const Member& member, DomainPlan& plan)
{
    const auto cpus = plan.own_cpus() | member.claim;
    plan.reasons.push_back({ReasonCode::cpus_taken, {{"owners", claimants(fleet, member, cpus)}}});
}

void explain_memory(const Intent& intent, std::uint64_t missing, DomainPlan& plan)
{
    plan.awaits = true;
    ReasonArguments arguments{{"missing", MemoryAmount{missing}}};
    if (intent.hugepage_kib) {
        arguments.push_back({"memory", MemoryAmount{intent.memory_kib}});
        arguments.push_back({"page", PageSize{*intent.hugepage_kib}});
    }
    plan.reasons.push_back({ReasonCode::missing_now, std::move(arguments)});
}

} // namespace

void explain_not_now(Fleet& fleet, const Member& member, Fleet::Later later, DomainPlan& plan)
{
    const auto& intent = *member.intent;
    if (has_memory(intent)) {
        return;
    }
    explain_rivals(fleet, member, plan);
    if (later == Fleet::Later::cpus) {
        explain_taken(fleet, member, plan);
    }
    if (fleet.memory().lacks_page_size(intent)) {
        plan.satisfied = false;
        plan.reasons.push_back(
            {ReasonCode::memory_short, {{"page", PageSize{*intent.hugepage_kib}}}});
        return;
    }
    const auto missing = fleet.missing_kib(member);
    const auto pages_missing =
        intent.hugepage_kib && missing > 0 && (plan.satisfied || intent.shut_off);
    if (pages_missing || later == Fleet::Later::memory) {
        explain_memory(intent, missing > 0 ? missing : intent.memory_kib, plan);
    }
}

} // namespace virtpind
