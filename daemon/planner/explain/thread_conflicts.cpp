// SPDX-License-Identifier: LGPL-2.1-or-later
#include "thread_conflicts.hpp"

#include "advice.hpp"

#include <utility>

namespace virtpind {

namespace {

// Threads of one domain that its policy fixes.
struct FixedThreads {
    std::size_t domain = 0; // position
    ReasonPhrase threads{};
    CpuSet cpus;
};

bool is_fixed(const ThreadChoice& choice)
{
    return choice.mode == ThreadChoice::Mode::fixed;
}

std::vector<FixedThreads> fixed_threads(const Fleet& fleet, const std::vector<DomainPlan>& plans)
{
    std::vector<FixedThreads> fixed;
    for (std::size_t i = 0; i < plans.size(); ++i) {
        const auto& policy = fleet.members()[i].intent->policy;
        if (is_fixed(policy.emulator)) {
            fixed.push_back({i, ReasonPhrase::emulator_threads, plans[i].emulator});
        }
        if (is_fixed(policy.iothreads) && !plans[i].iothreads.empty()) {
            fixed.push_back({i, ReasonPhrase::io_threads, plans[i].iothreads.begin()->second});
        }
    }
    return fixed;
}

bool is_dormant(const Member& member)
{
    return member.intent->activity == Activity::dormant;
}

} // namespace

void explain_fixed_threads(const Fleet& fleet, std::vector<DomainPlan>& plans)
{
    const auto fixed = fixed_threads(fleet, plans);
    for (const auto& [domain, threads, cpus] : fixed) {
        auto owners = claimants(fleet, fleet.members()[domain], cpus);
        if (!owners.empty()) {
            plans[domain].reasons.push_back(
                {ReasonCode::threads_on_claim,
                 {{"threads", threads}, {"cpus", cpus}, {"owners", std::move(owners)}}});
        }
    }
    for (std::size_t i = 0; i < plans.size() && !fixed.empty(); ++i) {
        DomainsOnCpus guests;
        for (const auto& [domain, threads, cpus] : fixed) {
            auto common = plans[i].claim & cpus;
            if (domain != i && !common.empty() && !is_dormant(fleet.members()[domain])) {
                guests.push_back({plans[domain].name, std::move(common)});
            }
        }
        if (!guests.empty() && !is_dormant(fleet.members()[i])) {
            plans[i].reasons.push_back(
                {ReasonCode::claim_has_threads, {{"guests", std::move(guests)}}});
        }
    }
}

} // namespace virtpind
