// SPDX-License-Identifier: LGPL-2.1-or-later
#include "not_now.hpp"

#include "advice.hpp"
#include "common/base/messages.hpp"
#include "daemon/planner/place/memory_words.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace virtpind {

namespace {

// What both have.
std::vector<std::string> in_common(const Intent& a, const Intent& b)
{
    std::vector<std::string> common;
    std::set_intersection(a.exclusive.begin(), a.exclusive.end(), b.exclusive.begin(),
                          b.exclusive.end(), std::back_inserter(common));
    return common;
}

void explain_rivals(const Fleet& fleet, const Member& member, DomainPlan& plan)
{
    std::vector<std::string> waiting;
    std::set<std::string> devices;
    for (const auto* rival : fleet.rivals(member)) {
        const auto common = in_common(*member.intent, *rival->intent);
        if (!rival->intent->shut_off) {
            plan.awaits = true;
            plan.reasons.push_back(
                {ReasonCode::device_in_use, "It has " + listed(common) + " in common with " +
                                                rival->intent->name +
                                                ", which runs: it cannot start until that one "
                                                "stops, and is planned as if it were off."});
            return;
        }
        devices.insert(common.begin(), common.end());
        waiting.push_back(rival->intent->name);
    }
    if (!waiting.empty()) {
        plan.reasons.push_back(
            {ReasonCode::device_in_use,
             "It has " + listed({devices.begin(), devices.end()}) + " in common with " +
                 listed(waiting) +
                 ": only one of them can run at a time, so it is planned as if the others were "
                 "off."});
    }
}

void explain_taken(const Fleet& fleet, const Member& member, DomainPlan& plan)
{
    CpuSet cpus;
    for (const auto& [vcpu, pin] : plan.vcpus) {
        cpus |= pin;
    }
    const auto blockers = claimants(fleet, member, cpus | member.claim);
    plan.reasons.push_back(
        {ReasonCode::cpus_taken,
         "It has no room beside those that run now" +
             (blockers.empty() ? std::string{} : ": its CPUs are claimed by " + blockers) +
             ". It is shut off, so its definition is for when it has."});
}

void explain_memory(const Intent& intent, std::uint64_t missing, DomainPlan& plan)
{
    plan.awaits = true;
    if (!intent.hugepage_kib) {
        plan.reasons.push_back({ReasonCode::missing_now,
                                mib(missing) +
                                    " of memory are not free now; its definition is for when they "
                                    "are."});
        return;
    }
    plan.reasons.push_back(
        {ReasonCode::missing_now,
         mib(missing) +
             " of hugepages are not there now; it will not start until they are. It "
             "needs " +
             mib(intent.memory_kib) + " in pages of " + page_size(*intent.hugepage_kib) + "."});
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
            {ReasonCode::memory_short, "It cannot start here: no node has hugepages of " +
                                           page_size(*intent.hugepage_kib) + "."});
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
