// SPDX-License-Identifier: LGPL-2.1-or-later
// Domains come and go on random hosts, and those that run are tidied.
#include "daemon/planner/plan_check.hpp"
#include "daemon/planner/planner.hpp"
#include "fleets.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace virtpind {
namespace {

using namespace test;

constexpr HostSize host_size{.cores_max = 16, .cpus_max = 32};

// What people are told of, summed over those that have CPUs of their own.
Cost told_sum(const PlanRequest& request, const Plan& plan)
{
    Cost sum;
    for (std::size_t i = 0; i < plan.domains.size(); ++i) {
        if (plan.domains[i].placement == Placement::dedicated &&
            request.intents[i].activity != Activity::dormant) {
            sum += terms_of(plan.domains[i].cost, CostTermInfo::Weight::wished);
        }
    }
    return sum;
}

std::size_t count_dedicated(const Plan& plan)
{
    return static_cast<std::size_t>(
        std::count_if(plan.domains.begin(), plan.domains.end(), [](const DomainPlan& domain) {
            return domain.placement == Placement::dedicated;
        }));
}

// vCPUs that a running domain has elsewhere than before.
std::size_t moved_vcpus(const Intent& intent, const DomainPlan& plan)
{
    std::size_t moved = 0;
    for (const auto vcpu : intent.vcpus_online) {
        const auto was = intent.current.vcpus.find(vcpu);
        const auto is = plan.vcpus.find(vcpu);
        moved +=
            was != intent.current.vcpus.end() && is != plan.vcpus.end() && was->second != is->second
                ? 1U
                : 0U;
    }
    return moved;
}

// What tidying changes, beside the same plan without it: never more than the limit, never who must
// not be moved or has no place of its own, and never to anybody's disadvantage.
RC_GTEST_PROP(Tidying, KeepsItsPromisesInAnyFleet, ())
{
    RandomFleet fleet;
    pick_fleet(fleet);
    const auto without = make_plan(fleet.request);
    fleet.request.tidy_vcpus = pick(0, 12);
    const auto with = make_plan(fleet.request);
    log_plan(without);
    log_plan(with);
    RC_CLASSIFY(with.tidied_vcpus > 0, "tidied");
    RC_ASSERT(check_plan(fleet.request, with) == std::vector<std::string>{});
    RC_ASSERT(with.tidied_vcpus <= fleet.request.tidy_vcpus);
    std::size_t moved = 0;
    for (std::size_t i = 0; i < with.domains.size(); ++i) {
        const auto& intent = fleet.request.intents[i];
        const auto& was = without.domains[i];
        const auto& is = with.domains[i];
        if (intent.activity != Activity::running || was.placement != Placement::dedicated) {
            continue;
        }
        RC_ASSERT(is.placement == Placement::dedicated);
        const auto differs = moved_vcpus(intent, is) - moved_vcpus(intent, was);
        RC_ASSERT(intent.policy.move != MoveLimit::never || differs == 0U);
        RC_ASSERT(terms_of(is.cost, CostTermInfo::Weight::wished) <=
                  terms_of(was.cost, CostTermInfo::Weight::wished));
        moved += differs;
    }
    RC_ASSERT(moved == with.tidied_vcpus);
}

struct Scene {
    Topology host;
    PlanRequest request;

    // Everybody runs where `plan` has them.
    void apply(const Plan& plan)
    {
        for (std::size_t i = 0; i < plan.domains.size(); ++i) {
            auto& intent = request.intents[i];
            intent.activity = Activity::running;
            if (plan.domains[i].placement == Placement::none) {
                continue; // it stays where it is
            }
            intent.current.vcpus = plan.domains[i].vcpus;
            intent.current.emulator = plan.domains[i].emulator;
            intent.current.iothreads = plan.domains[i].iothreads;
        }
    }
};

Intent pick_newcomer(const Topology& host, std::size_t number)
{
    auto intent = pick_intent(host, number, 8);
    intent.stance = Stance::managed;
    intent.activity = Activity::arriving;
    intent.shut_off = false;
    intent.policy.placement = Placement::dedicated;
    intent.policy.fallback = Fallback::fail;
    intent.policy.emulator = {};
    intent.policy.memory = MemoryChoice::keep;
    intent.policy.move = pick_one({MoveLimit::cache, MoveLimit::node, MoveLimit::never});
    intent.memory_kib = 0;
    intent.hugepage_kib.reset();
    intent.memory_locked = false;
    intent.memory_nodes = {};
    intent.exclusive.clear();
    intent.iothreads.clear();
    return intent;
}

// After each arrival and each departure the plans come to rest: each that still moves somebody
// costs all together less than the one before, and then nothing moves.
RC_GTEST_PROP(Tidying, ComesToRestWhileDomainsComeAndGo, ())
{
    Scene scene;
    scene.host = pick_host(host_size);
    scene.request = {.topology = &scene.host, .housekeeping = CpuSet{}};
    scene.request.tidy_vcpus = pick(1, 12);
    std::size_t tidied = 0;
    RC_LOG() << describe(scene.host);
    for (std::size_t event = 0; event < 8; ++event) {
        auto& intents = scene.request.intents;
        if (!intents.empty() && once_in(3)) {
            intents.erase(intents.begin() +
                          pick(0, static_cast<std::uint32_t>(intents.size()) - 1));
        } else {
            intents.push_back(pick_newcomer(scene.host, event));
            RC_LOG() << describe(intents.back());
        }
        std::optional<Plan> before;
        for (std::size_t round = 0;; ++round) {
            auto plan = make_plan(scene.request);
            log_plan(plan);
            RC_ASSERT(check_plan(scene.request, plan) == std::vector<std::string>{});
            RC_ASSERT(plan.tidied_vcpus <= scene.request.tidy_vcpus);
            tidied += plan.tidied_vcpus;
            // Who waited for CPUs may have some that were left.
            const auto same = before && count_dedicated(plan) == count_dedicated(*before);
            if (before) {
                RC_ASSERT(count_dedicated(plan) >= count_dedicated(*before));
            }
            if (same && plan.tidied_vcpus > 0) {
                RC_ASSERT(told_sum(scene.request, plan) < told_sum(scene.request, *before));
            }
            if (same && plan.tidied_vcpus == 0) {
                for (std::size_t i = 0; i < plan.domains.size(); ++i) {
                    RC_ASSERT(plan.domains[i].vcpus == before->domains[i].vcpus);
                }
                break;
            }
            RC_ASSERT(round < 16U);
            scene.apply(plan);
            before = std::move(plan);
        }
    }
    RC_CLASSIFY(tidied > 0, "tidied");
}

} // namespace
} // namespace virtpind
