// SPDX-License-Identifier: LGPL-2.1-or-later
// Domains of which some vCPUs have CPUs of their own and the others float (dedicated-vcpus).
#include "daemon/planner/diff.hpp"
#include "daemon/planner/intents.hpp"
#include "tests/support/plan_case.hpp"
#include "tests/support/tuning_case.hpp"

#include <gtest/gtest.h>

namespace virtpind::test {
namespace {

VcpuSet vcpus(const std::string& list)
{
    return *VcpuSet::parse(list);
}

// A domain whose first `own` of `all` vCPUs have CPUs of their own.
Intent mixed(const std::string& name, std::uint32_t own, std::uint32_t all)
{
    auto intent = domain(name, all);
    intent.policy.dedicated_vcpus = VcpuSet::range(0, own - 1);
    intent.floating = intent.vcpus_online - intent.policy.dedicated_vcpus;
    intent.vcpus_online &= intent.policy.dedicated_vcpus;
    return intent;
}

const CpuSet& pin(const DomainPlan& plan, std::uint32_t vcpu)
{
    return plan.vcpus.at(VcpuId{vcpu});
}

TEST(Mixed, SomeHaveTheirOwnAndTheOthersFloatBesideThem)
{
    const auto host = ryzen();
    const auto plan = plan_on(host, {mixed("mix", 2, 4)}).domains[0];
    EXPECT_EQ(plan.placement, Placement::dedicated);
    EXPECT_TRUE(plan.satisfied);
    EXPECT_EQ(plan.claim, pin(plan, 0) | pin(plan, 1));
    EXPECT_EQ(plan.claim.size(), 2U);
    EXPECT_EQ(plan.online, vcpus("0-3"));
    EXPECT_EQ(plan.floating, vcpus("2-3"));
    EXPECT_EQ(plan.own_cpus(), plan.claim);
    EXPECT_EQ(pin(plan, 2), pin(plan, 3));
    EXPECT_EQ(pin(plan, 2) | plan.claim, host.l3s[1].cpus) << "what is left of the same L3";
    EXPECT_TRUE(says(plan, ReasonCode::vcpus_float,
                     {{"own", vcpus("0-1")}, {"floating", vcpus("2-3")}, {"cpus", pin(plan, 2)}}));
    EXPECT_TRUE(says(plan, ReasonCode::fits_one_l3, {{"own", vcpus("0-1")}}));
    EXPECT_FALSE(says(plan, ReasonCode::topology_kept));
}

TEST(Mixed, FloatWhereThePoolHasEnoughOfTheNearest)
{
    const auto host = ryzen();
    // Four of twelve CPUs of the L3 are left.
    auto plan = plan_on(host, {mixed("mix", 8, 12)}, CpuSet{}).domains[0];
    EXPECT_EQ(plan.floating.size(), 4U);
    EXPECT_EQ(host.l3s[0].cpus.common(plan.claim), 8U);
    EXPECT_EQ(pin(plan, 8) | plan.claim, host.l3s[0].cpus);
    plan = plan_on(host, {mixed("mix", 8, 13)}, CpuSet{}).domains[0];
    EXPECT_EQ(pin(plan, 8) | plan.claim, host.all_cpus()) << "the node";
    const auto two = two_nodes();
    plan = plan_on(two, {mixed("mix", 6, 7)}, CpuSet{}).domains[0];
    EXPECT_EQ(two.nodes_of(plan.vcpu_cpus()).size(), 1U);
    plan = plan_on(two, {mixed("mix", 6, 9)}, CpuSet{}).domains[0];
    EXPECT_EQ(pin(plan, 8) | plan.claim, two.all_cpus()) << "with the next node";
    ASSERT_TRUE(plan.numatune);
    EXPECT_EQ(plan.numatune->nodes, two.nodes_of(plan.claim)) << "memory is near its own CPUs";
}

TEST(Mixed, OfflineOnesHaveAPinWhereOnlyLowPowerCoresAreLeft)
{
    const auto host = host_of_cores({{.cpus = {0}, .core_class = CoreClass::performance},
                                     {.cpus = {1}, .core_class = CoreClass::performance},
                                     {.cpus = {2}, .core_class = CoreClass::low_power}});
    for (const auto cores : {CoreChoice::any, CoreChoice::performance}) {
        auto vm = mixed("mix", 2, 2);
        vm.policy.cores = cores;
        vm.vcpus_max = 3;
        const auto plan = plan_on(host, {vm}, CpuSet{}).domains[0];
        EXPECT_EQ(plan.claim, cpus("0-1"));
        EXPECT_EQ(pin(plan, 2), cpus("2"));
    }
}

TEST(Mixed, CountAsLoadWhereTheyFloat)
{
    const auto host = two_nodes();
    const auto plan = plan_on(host, {mixed("mix", 2, 6), shared("s", 2)}, CpuSet{});
    EXPECT_NE(host.nodes_of(pin(plan.domains[1], 0)), host.nodes_of(plan.domains[0].claim));
}

TEST(Mixed, SiblingsThatStayIdleAreNotFloatedOn)
{
    auto vm = mixed("mix", 2, 4);
    vm.policy.smt = SmtChoice::isolate;
    const auto plan = plan_on(ryzen(), {vm}).domains[0];
    EXPECT_EQ(plan.claim.size(), 4U);
    EXPECT_FALSE(plan.claim.intersects(pin(plan, 3)));
}

TEST(Mixed, WithoutAPoolTheyFloatOnHousekeepingElseOnTheirOwn)
{
    const auto host = regular_host({.cores = 2});
    auto plan = plan_on(host, {mixed("mix", 2, 4)}, cpus("0,2")).domains[0];
    EXPECT_FALSE(plan.satisfied);
    EXPECT_EQ(plan.claim, cpus("1,3"));
    EXPECT_EQ(pin(plan, 2), cpus("0,2"));
    EXPECT_TRUE(says(plan, ReasonCode::vcpus_float, {{"housekeeping", cpus("0,2")}}));
    plan = plan_on(host, {mixed("mix", 4, 6)}, CpuSet{}).domains[0];
    EXPECT_FALSE(plan.satisfied);
    EXPECT_EQ(pin(plan, 5), host.all_cpus());
    EXPECT_TRUE(says(plan, ReasonCode::vcpus_float));
}

TEST(Mixed, KeepTheOptionCpus)
{
    auto vm = mixed("mix", 2, 4);
    vm.policy.cpus = cpus("2-5");
    const auto plan = plan_on(ryzen(), {vm}).domains[0];
    EXPECT_EQ(plan.vcpu_cpus(), cpus("2-5"));
    vm.policy.cpus = cpus("2-3");
    const auto outside = plan_on(ryzen(), {vm}).domains[0];
    EXPECT_FALSE(outside.satisfied);
    EXPECT_TRUE(says(outside, ReasonCode::cpus_not_in_pool));
}

TEST(Mixed, OfflineVcpusWaitWhereTheyWillBe)
{
    auto vm = mixed("mix", 4, 8);
    vm.vcpus_online = vcpus("0-1");
    vm.floating = vcpus("4");
    const auto plan = plan_on(ryzen(), {vm}).domains[0];
    EXPECT_EQ(pin(plan, 2), plan.claim);
    EXPECT_EQ(pin(plan, 7), pin(plan, 4));
    EXPECT_EQ(plan.online, vcpus("0-1,4"));
    EXPECT_EQ(plan.floating, vcpus("4-7"));
}

TEST(Mixed, RunningOneStaysAndFallsBackWhole)
{
    const auto host = ryzen();
    auto vm = running_on(mixed("mix", 2, 4), {14, 3});
    vm.current.vcpus[VcpuId{2}] = vm.current.vcpus[VcpuId{3}] = cpus("1-11");
    const auto plan = plan_on(host, {vm}).domains[0];
    EXPECT_EQ(pin(plan, 0), cpus("14"));
    EXPECT_EQ(pin(plan, 1), cpus("3"));
    EXPECT_TRUE(says(plan, ReasonCode::kept_in_place));
    vm.policy.cpus = cpus("5");
    const auto floats = plan_on(host, {vm}).domains[0];
    EXPECT_EQ(floats.placement, Placement::shared);
    EXPECT_TRUE(floats.floating.empty());
    EXPECT_TRUE(says(floats, ReasonCode::floats_on_pool, {{"vcpus", std::uint64_t{4}}}));
}

TEST(Mixed, OneThatIsOffDoesNotFloatOnItsOwnClaim)
{
    auto vm = mixed("mix", 2, 4);
    vm.activity = Activity::dormant;
    vm.shut_off = true;
    const auto plan = plan_on(ryzen(), {vm}).domains[0];
    EXPECT_FALSE(plan.claim.intersects(pin(plan, 2)));
}

TEST(Mixed, PlanCheckNoticesThemOnClaims)
{
    const auto host = ryzen();
    const PlanRequest request{.topology = &host, .intents = {mixed("a", 2, 4), domain("b", 2)}};
    const auto plan = make_plan(request);
    ASSERT_TRUE(check_plan(request, plan).empty());
    const auto broken_by = [&](const CpuSet& floats) {
        auto other = plan;
        other.domains[0].vcpus[VcpuId{2}] = other.domains[0].vcpus[VcpuId{3}] = floats;
        return !check_plan(request, other).empty();
    };
    EXPECT_TRUE(broken_by(plan.domains[1].claim));
    EXPECT_TRUE(broken_by(plan.domains[0].claim));
    EXPECT_TRUE(broken_by(plan.housekeeping));
    EXPECT_FALSE(broken_by(plan.pool));
    auto other = plan;
    other.domains[0].floating = {};
    EXPECT_FALSE(check_plan(request, other).empty());
}

TEST(Mixed, GuestIsToldNothingOfSiblingsAndCaches)
{
    for (const auto topology : {TopologyChoice::keep, TopologyChoice::match}) {
        TuningCase vm{cached_host({.cores = 4}), cpu_list("1-2,5-6"), topology, passthrough};
        vm.plan.floating = vcpus("2-3");
        vm.plan.vcpus[VcpuId{2}] = vm.plan.vcpus[VcpuId{3}] = cpus("3");
        vm.intent.vcpus_online = vcpus("0-1");
        vm.intent.floating = vcpus("2-3");
        const auto decision = vm.decide();
        EXPECT_FALSE(decision.tuning.cpus);
        EXPECT_FALSE(decision.shows_host_caches);
        EXPECT_TRUE(says(decision.reasons, ReasonCode::tune_refused,
                         {{"why", ReasonPhrase::floating_caches}}));
        EXPECT_EQ(static_cast<bool>(says(decision.reasons, ReasonCode::topology_kept,
                                         {{"why", ReasonPhrase::floating_siblings}})),
                  topology == TopologyChoice::match);
    }
}

// A definition that boots other vCPUs than those that run: each has the pin of its number.
TEST(Mixed, DefinitionIsPinnedByNumber)
{
    ObservedDomain seen;
    seen.facts.vcpus_max = 4;
    seen.facts.vcpus_online = vcpus("0,2-3");
    seen.definition = {.pins = PinSet{}};
    seen.definition->cpus = CpuDefinition{};
    seen.definition->cpus->vcpus_max = 4;
    seen.definition->cpus->enabled = vcpus("0-1");
    auto vm = mixed("mix", 2, 4);
    vm.vcpus_online = vcpus("0");
    const auto plan = plan_on(ryzen(), {vm}).domains[0];
    const auto actions =
        diff({.seen = seen, .online = ryzen().online_cpus(), .abilities = {}}, plan);
    ASSERT_TRUE(actions.definition);
    EXPECT_EQ(actions.definition->pins.vcpus, plan.vcpus);
}

class MixedIntents : public testing::Test {
protected:
    [[nodiscard]] Intent intent_for(const std::string& own, const std::string& online) const
    {
        ObservedDomain seen;
        seen.facts.vcpus_max = 4;
        seen.facts.vcpus_online = vcpus(online);
        Policy policy;
        policy.placement = Placement::dedicated;
        policy.dedicated_vcpus = vcpus(own);
        return make_intent(seen, policy, host_, {});
    }

    Topology host_ = ryzen();
};

TEST_F(MixedIntents, OnlineVcpusAreDividedByTheOption)
{
    const auto intent = intent_for("0,2", "0-2");
    EXPECT_EQ(intent.vcpus_online, vcpus("0,2"));
    EXPECT_EQ(intent.floating, vcpus("1"));
    EXPECT_TRUE(intent.vcpus_as_asked);
    EXPECT_TRUE(intent_for("", "0-2").floating.empty());
    EXPECT_TRUE(intent_for("0-3", "0-2").floating.empty());
}

TEST_F(MixedIntents, VcpusBeyondTheLastAreReportedAndRefused)
{
    const auto intent = intent_for("0,4-5", "0-2");
    EXPECT_EQ(intent.vcpus_online, vcpus("0"));
    EXPECT_FALSE(intent.vcpus_as_asked);
    EXPECT_TRUE(says(intent.why, ReasonCode::dedicated_vcpus_missing,
                     {{"beyond", vcpus("4-5")}, {"last_vcpu", VcpuSet{VcpuId{3}}}}));
    EXPECT_FALSE(find_fault(host_, intent, Names::of_any_host));
    const auto fault = find_fault(host_, intent, Names::of_this_host);
    ASSERT_TRUE(fault);
    EXPECT_EQ(fault->field, "policy.dedicated-vcpus");
    EXPECT_NE(fault->what.find("the last one is 3"), std::string::npos) << fault->what;
}

TEST_F(MixedIntents, WithNoneOfThemOnlineTheDomainIsShared)
{
    const auto intent = intent_for("3", "0-2");
    EXPECT_EQ(intent.policy.placement, Placement::shared);
    EXPECT_EQ(intent.vcpus_online, vcpus("0-2"));
    EXPECT_TRUE(says(intent.why, ReasonCode::dedicated_vcpus_missing, {{"waiting", vcpus("3")}}));
    EXPECT_TRUE(plan_on(host_, {intent}).domains[0].satisfied);
}

// It waits for the device alone; the CPUs of the third are not free then, either.
TEST(Mixed, WhoWaitsForADeviceMayFloatOnItsOwnAlone)
{
    const auto host = regular_host({.l3s = 1, .cores = 4, .threads = 1});
    auto rival = domain("rival", 2);
    auto third = domain("third", 2);
    auto waits = mixed("waits", 2, 3);
    rival.exclusive = waits.exclusive = {pci_resource("0000:01:00.0")};
    waits.shut_off = true;
    const auto plan = plan_on(host, {rival, third, waits}, CpuSet{}); // which checks it
    const auto& own = plan.domains[2];
    EXPECT_TRUE(own.awaits);
    EXPECT_EQ(own.claim, plan.domains[0].claim);
    EXPECT_EQ(pin(own, 2), own.claim);
}

} // namespace
} // namespace virtpind::test
