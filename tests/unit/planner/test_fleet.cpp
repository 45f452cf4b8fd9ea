// SPDX-License-Identifier: LGPL-2.1-or-later
// Newcomers placed together, and how good a plan is said to be.
#include "tests/support/plan_case.hpp"

namespace virtpind {
namespace {

using namespace test;

// L3s of six and of four cores without SMT.
Topology unequal_l3s()
{
    std::vector<CoreSpec> cores;
    for (std::uint32_t cpu = 0; cpu < 10; ++cpu) {
        cores.push_back({.cpus = {cpu}, .l3 = cpu < 6 ? 0U : 1U});
    }
    return host_of_cores(std::move(cores));
}

std::uint64_t l3s_of(const Plan& plan)
{
    return plan.fleet.cost.levels().front().cost[CostTerm::l3];
}

// By turns the largest takes the first L3, and there is none left for one of the others.
TEST(Fleet, OneTakesAnEqualPlaceSoThatAllFit)
{
    const auto host = unequal_l3s();
    const auto plan = plan_on(host, {domain("large", 4), domain("b", 3), domain("c", 3)}, CpuSet{});
    EXPECT_EQ(plan.domains[0].claim, cpus("6-9"));
    EXPECT_EQ(l3s_of(plan), 3U);
    EXPECT_TRUE(plan.fleet.optimal());
    EXPECT_EQ(plan.fleet.newcomers, 3U);
}

TEST(Fleet, APlanFromItsOwnResultMovesNothing)
{
    const auto host = unequal_l3s();
    std::vector<Intent> intents{domain("large", 4), domain("b", 3), domain("c", 3)};
    const auto plan = plan_on(host, intents, CpuSet{});
    for (std::size_t i = 0; i < intents.size(); ++i) {
        intents[i].activity = Activity::running;
        intents[i].current.vcpus = plan.domains[i].vcpus;
    }
    const auto again = plan_on(host, intents, CpuSet{});
    for (std::size_t i = 0; i < intents.size(); ++i) {
        EXPECT_EQ(again.domains[i].vcpus, plan.domains[i].vcpus);
    }
    EXPECT_EQ(again.fleet.newcomers, 0U);
    EXPECT_TRUE(again.fleet.optimal());
}

// Nobody is moved who runs, although all would be better off.
TEST(Fleet, RunningOnesStay)
{
    const auto host = unequal_l3s();
    const auto plan = plan_on(
        host, {running_on(domain("large", 4), {0, 1, 2, 3}), domain("b", 3), domain("c", 3)},
        CpuSet{});
    EXPECT_EQ(plan.domains[0].claim, cpus("0-3"));
    EXPECT_EQ(l3s_of(plan), 4U);
    EXPECT_TRUE(plan.fleet.optimal()) << "of what newcomers can have";
}

// Alone, the newcomer is best off on one L3. That would take the core that the other's only vCPU
// has to itself.
TEST(Fleet, OneNewcomerLeavesTheCoresOfOthers)
{
    const auto host = regular_host({.l3s = 2, .cores = 2}); // siblings N and N+4
    auto owner = running_on(domain("owner", 1), {0});
    owner.topology = GuestTopology{.cores = 1};
    auto vm = domain("vm", 3);
    vm.policy.smt = SmtChoice::prefer;
    const auto plan = plan_on(host, {owner, vm}, cpus("3,7"));
    EXPECT_EQ(vcpu_cpus(plan.domains[0]), cpus("0"));
    EXPECT_EQ(plan.domains[0].cost[CostTerm::stacked], 0U);
    EXPECT_FALSE(vcpu_cpus(plan.domains[1]).contains(CpuId{4})) << plan.domains[1].claim.str();
}

// Two of three have a place, whichever: the largest alone would have left two without one.
TEST(Fleet, MoreDomainsWithAPlaceAreBetterThanALargerOne)
{
    const auto host = regular_host({.l3s = 1, .cores = 4, .threads = 1});
    const auto plan = plan_on(host, {domain("large", 3), domain("b", 2), domain("c", 2)}, CpuSet{});
    EXPECT_EQ(plan.fleet.cost.levels().front().unplaced, 1U);
    EXPECT_TRUE(plan.fleet.optimal());
}

TEST(Fleet, NoPlaceIsBoughtWithThatOfAHigherPriority)
{
    const auto host = regular_host({.l3s = 1, .cores = 4, .threads = 1});
    auto large = domain("large", 3);
    large.policy.priority = 1;
    const auto plan = plan_on(host, {domain("b", 2), domain("c", 2), large}, CpuSet{});
    EXPECT_EQ(plan.domains[2].placement, Placement::dedicated);
    ASSERT_EQ(plan.fleet.cost.levels().size(), 2U);
    EXPECT_EQ(plan.fleet.cost.levels()[0].unplaced, 0U);
    EXPECT_EQ(plan.fleet.cost.levels()[1].unplaced, 2U);
    EXPECT_TRUE(plan.fleet.optimal());
}

// The small one of higher priority has an L3 to itself, though two could then have one each.
TEST(Fleet, NoComfortIsBoughtWithThatOfAHigherPriority)
{
    const auto host = unequal_l3s();
    auto urgent = domain("urgent", 5);
    urgent.policy.priority = 1;
    const auto plan = plan_on(host, {domain("b", 3), urgent, domain("c", 2)}, CpuSet{});
    EXPECT_EQ(plan.fleet.cost.levels()[0].cost[CostTerm::l3], 1U);
    EXPECT_EQ(plan.fleet.cost.levels()[1].cost[CostTerm::l3], 3U);
    EXPECT_TRUE(plan.fleet.optimal());
}

// More than the search is made for: the bound is that of each alone.
TEST(Fleet, LargeFleetsHaveABoundAndAGap)
{
    const auto host = regular_host({.l3s = 8, .cores = 12, .threads = 1});
    std::vector<Intent> intents;
    for (std::size_t i = 0; i < 9; ++i) {
        intents.push_back(domain("d" + std::to_string(i), 10));
    }
    const auto plan = plan_on(host, intents, CpuSet{});
    ASSERT_FALSE(plan.fleet.optimal());
    EXPECT_LT(plan.fleet.bound, plan.fleet.cost);
    const auto gap = gap_of(plan.fleet);
    ASSERT_TRUE(gap.has_value());
    EXPECT_EQ(gap->term, CostTerm::l3);
    EXPECT_EQ(gap->bound, 9U);
    EXPECT_GT(gap->cost, 9U);
}

} // namespace
} // namespace virtpind
