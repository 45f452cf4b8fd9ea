// SPDX-License-Identifier: LGPL-2.1-or-later
// The plan of tiny fleets, held against trying every place of every newcomer.
#include "brute_force_fleet.hpp"
#include "daemon/planner/plan_check.hpp"
#include "daemon/planner/planner.hpp"
#include "daemon/planner/validate.hpp"
#include "generators.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace virtpind {
namespace {

using namespace test;

struct TinyFleet {
    Topology topology;
    PlanRequest request;
};

// What every newcomer may have: whole hosts of small domains, some of which run already.
void pick_tiny_fleet(TinyFleet& fleet)
{
    fleet.topology = pick_host({.cores_max = 6, .cpus_max = 8});
    fleet.request.topology = &fleet.topology;
    const auto domains = pick(2, 3);
    for (std::size_t i = 0; i < domains; ++i) {
        auto intent = pick_intent(fleet.topology, i, domains == 2 ? 4 : 3);
        intent.policy.priority = static_cast<std::int32_t>(once_in(3) ? pick(0, 1) : 0);
        if (once_in(2)) { // most people do not ask for much
            intent.policy = {};
            intent.policy.placement = Placement::dedicated;
        }
        if (i > 0 && once_in(3)) { // another of the same
            auto same = fleet.request.intents.back();
            same.uuid = intent.uuid;
            same.name = intent.name;
            intent = std::move(same);
        }
        fleet.request.intents.push_back(std::move(intent));
    }
    fleet.request.housekeeping = once_in(3) ? pick_some(fleet.topology.all_cpus(), 4) : CpuSet{};
    if (once_in(5)) {
        fleet.topology.isolated = pick_some(fleet.topology.all_cpus(), 3);
    }
    RC_LOG() << describe(fleet.topology);
    for (const auto& intent : fleet.request.intents) {
        RC_LOG() << describe(intent);
    }
    RC_LOG() << "housekeeping " << fleet.request.housekeeping->str() << " isolated "
             << fleet.topology.isolated.str() << "\n";
}

std::string describe(const FleetCost& cost)
{
    std::string text;
    for (const auto& level : cost.levels()) {
        text += "priority " + std::to_string(level.priority) + " unplaced " +
                std::to_string(level.unplaced) + " cost " + test::describe(level.cost);
    }
    return text;
}

// One of them runs, where a plan for it alone has it or anywhere else.
void let_one_run(TinyFleet& fleet)
{
    auto& intent = fleet.request.intents.front();
    auto alone = fleet.request;
    alone.intents = {intent};
    const auto plan = make_plan(alone);
    RC_PRE(plan.domains.front().placement == Placement::dedicated);
    intent.activity = Activity::running;
    intent.policy.move = MoveLimit::never;
    intent.current.vcpus = plan.domains.front().vcpus;
}

RC_GTEST_PROP(FleetSearch, NothingBeatsWhatIsProven, ())
{
    TinyFleet fleet;
    pick_tiny_fleet(fleet);
    if (once_in(3)) {
        let_one_run(fleet);
    }
    RC_ASSERT(validate_request(fleet.request).ok());
    const auto plan = make_plan(fleet.request);
    for (const auto& domain : plan.domains) {
        auto& log = RC_LOG();
        log << domain.name << ":";
        for (const auto& [vcpu, pin] : domain.vcpus) {
            log << " " << raw(vcpu) << ":" << pin.str();
        }
        log << "\n";
    }
    RC_ASSERT(check_plan(fleet.request, plan) == std::vector<std::string>{});
    const auto running = fleet.request.intents.front().activity == Activity::running;
    RC_PRE(!running || plan.domains.front().placement == Placement::dedicated);
    const HostIndex host{fleet.topology};
    BruteForceFleet brute{host, fleet.request, plan};
    const auto best = brute.best();
    RC_LOG() << "cost " << describe(plan.fleet.cost) << "bound " << describe(plan.fleet.bound)
             << "best " << describe(best);
    RC_ASSERT(plan.fleet.cost == brute.cost_of_plan());
    RC_ASSERT(plan.fleet.bound <= best);
    RC_ASSERT(best <= plan.fleet.cost);
    RC_TAG(plan.fleet.optimal()      ? "proven"
           : host.crossing           ? "not proven where L3s, nodes and packages cross"
           : plan.fleet.cost == best ? "optimal, not proven"
                                     : "not optimal");
    if (plan.fleet.optimal()) {
        RC_ASSERT(plan.fleet.cost == best);
    }
}

// What others claim makes no term of a fleet less: else bounds of parts were none of the whole.
RC_GTEST_PROP(FleetSearch, ClaimsOfOthersMakeNothingCheaper, ())
{
    auto topology = pick_host({});
    const auto intent = pick_intent(topology, 1, 6);
    const HostIndex host{topology};
    VcpuMap pins;
    auto cpu = topology.cpus.begin();
    for (const auto vcpu : intent.vcpus_online) {
        if (cpu != topology.cpus.end()) {
            pins[vcpu] = (cpu++)->id;
        }
    }
    RC_PRE(pins.size() == intent.vcpus_online.size());
    Surroundings around;
    around.free = topology.all_cpus();
    auto more = around;
    more.claimed = pick_some(topology.all_cpus(), 3);
    more.free -= more.claimed;
    const auto before = cost_of(host, intent, around, pins);
    const auto after = cost_of(host, intent, more, pins);
    RC_LOG() << test::describe(topology) << test::describe(intent) << "claimed "
             << more.claimed.str() << "\n";
    for (const auto& row : cost_term_table) {
        RC_ASSERT(fleet_terms_of(before)[row.term] <= fleet_terms_of(after)[row.term]);
    }
}

} // namespace
} // namespace virtpind
