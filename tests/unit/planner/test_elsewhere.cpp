// SPDX-License-Identifier: LGPL-2.1-or-later
// Pins and policies of another host: no place here, no error either, and told.
#include "common/base/by_id.hpp"
#include "tests/support/plan_case.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace virtpind::test {
namespace {

DomainPlan plan_of(const Topology& host, const Intent& intent)
{
    const PlanRequest request{.topology = &host, .housekeeping = CpuSet{}, .intents = {intent}};
    EXPECT_TRUE(validate_request(request, Names::of_any_host).ok());
    const auto plan = make_plan(request);
    EXPECT_EQ(check_plan(request, plan), std::vector<std::string>{});
    return plan.domains.front();
}

class PinElsewhere : public testing::TestWithParam<std::uint32_t> {};

TEST_P(PinElsewhere, IsNoPresentPlace)
{
    const auto host = regular_host({.cores = 2}); // CPUs 0-3
    const auto unpinned = plan_of(host, domain("moved", 2));
    for (const auto activity : {Activity::arriving, Activity::running, Activity::dormant}) {
        auto intent = domain("moved", 2);
        intent.activity = activity;
        intent.current.vcpus[VcpuId{0}] = {CpuId{GetParam()}};
        const auto plan = plan_of(host, intent);
        EXPECT_EQ(plan.placement, Placement::dedicated);
        EXPECT_TRUE(plan.satisfied);
        EXPECT_EQ(plan.vcpus, unpinned.vcpus);
        EXPECT_EQ(plan.cost[CostTerm::moves], 0U);
        EXPECT_TRUE(says(plan, ReasonCode::pins_elsewhere,
                         {{"cpus", CpuSet{CpuId{GetParam()}}}, {"host_cpus", cpus("0-3")}}));
    }
}

INSTANTIATE_TEST_SUITE_P(AnyNumber, PinElsewhere,
                         testing::Values(4U, 5U, 40U, 63U, 64U, 99U, 4095U, id_set_limit - 1));

// Each of the others keeps its place.
TEST(Elsewhere, OnlyThePinsThatAreNotThereAreChosenAnew)
{
    const auto host = regular_host({.cores = 4, .threads = 1});
    auto intent = domain("moved", 3);
    intent.activity = Activity::running;
    intent.current.vcpus = {
        {VcpuId{0}, cpus("3")}, {VcpuId{1}, cpus("77")}, {VcpuId{2}, cpus("1")}};
    const auto plan = plan_of(host, intent);
    EXPECT_EQ(plan.vcpus.at(VcpuId{0}), cpus("3"));
    EXPECT_EQ(plan.vcpus.at(VcpuId{2}), cpus("1"));
    EXPECT_EQ(plan.cost[CostTerm::moves], 0U);
}

// Sparse numbers: a host may have CPU 8 and no CPU 3.
TEST(Elsewhere, NumberBetweenThoseOfTheHostIsNotThereEither)
{
    const auto host = host_of_cores({{.cpus = {0}}, {.cpus = {4}}, {.cpus = {8}}, {.cpus = {12}}});
    auto intent = domain("moved", 2);
    intent.current.vcpus = {{VcpuId{0}, cpus("3")}, {VcpuId{1}, cpus("8")}};
    const auto plan = plan_of(host, intent);
    EXPECT_EQ(plan.vcpus.at(VcpuId{1}), cpus("8"));
    EXPECT_TRUE(says(plan, ReasonCode::pins_elsewhere, {{"cpus", cpus("3")}}));
}

// It would not start there, with one node or several.
TEST(Elsewhere, MemoryIsNotBoundToANodeThatIsNotThere)
{
    for (const auto nodes : {1U, 2U}) {
        const auto host = regular_host({.nodes = nodes, .cores = 2});
        auto intent = domain("moved", 2);
        intent.current.numatune = NumaTune{.mode = NumaMode::strict, .nodes = {NodeId{7}}};
        const auto plan = plan_of(host, intent);
        ASSERT_TRUE(plan.numatune.has_value());
        EXPECT_EQ(plan.numatune->nodes, NodeSet{NodeId{0}});
        EXPECT_TRUE(says(plan, ReasonCode::pins_elsewhere, {{"nodes", NodeSet{NodeId{7}}}}));
    }
}

// Memory that is said to be on a node that is not there binds nobody to it.
TEST(Elsewhere, LockedMemoryOfANodeThatIsNotThereHoldsNothing)
{
    const auto host = regular_host({.nodes = 2, .cores = 2});
    auto intent = domain("moved", 2);
    intent.activity = Activity::running;
    intent.memory_locked = true;
    intent.has_memory = true;
    intent.memory_kib = 1024;
    intent.memory_nodes = {NodeId{5}};
    EXPECT_EQ(plan_of(host, intent).placement, Placement::dedicated);
}

TEST(Elsewhere, PolicyThatNamesCpusOfAnotherHostFloatsAndSaysSo)
{
    const auto host = regular_host({.cores = 1}); // CPUs 0-1
    auto intent = domain("moved", 1);
    intent.policy.cpus = cpus("4-7");
    intent.current.vcpus[VcpuId{0}] = cpus("4");
    const auto plan = plan_of(host, intent);
    EXPECT_EQ(plan.placement, Placement::shared);
    EXPECT_FALSE(plan.satisfied);
    EXPECT_EQ(plan.vcpus.at(VcpuId{0}), cpus("0-1"));
    EXPECT_TRUE(says(plan, ReasonCode::policy_elsewhere, {{"cpus", cpus("4-7")}}));
}

TEST(Elsewhere, PolicyThatNamesCpusOfAnotherHostIsLeftAloneWhereItSaysSo)
{
    const auto host = regular_host({.cores = 1});
    auto intent = domain("moved", 1);
    intent.policy.cpus = cpus("4-7");
    intent.policy.fallback = Fallback::fail;
    const auto plan = plan_of(host, intent);
    EXPECT_EQ(plan.placement, Placement::none);
    EXPECT_FALSE(plan.satisfied);
}

TEST(Elsewhere, PolicyThatNamesSomeCpusOfThisHostIsKeptToThem)
{
    const auto host = regular_host({.cores = 4, .threads = 1});
    auto intent = domain("moved", 2);
    intent.policy.cpus = cpus("2-9");
    const auto plan = plan_of(host, intent);
    EXPECT_EQ(plan.placement, Placement::dedicated);
    EXPECT_EQ(plan.claim, cpus("2-3"));
    EXPECT_TRUE(says(plan, ReasonCode::policy_elsewhere, {{"cpus", cpus("4-9")}}));
}

// Who asks now for what is not there hears so.
TEST(Elsewhere, CallerWhoNamesCpusOfAnotherHostIsRefused)
{
    const auto host = regular_host({.cores = 1});
    auto intent = domain("moved", 1);
    intent.policy.cpus = cpus("4-7");
    EXPECT_TRUE(find_fault(host, intent, Names::of_this_host).has_value());
    EXPECT_FALSE(find_fault(host, intent, Names::of_any_host).has_value());
}

TEST(ById, LookUpsAreChecked)
{
    std::vector<int> items{7, 8};
    EXPECT_EQ(*find_id(items, CpuId{1}), 8);
    EXPECT_EQ(find_id(items, CpuId{2}), nullptr);
    EXPECT_EQ(find_id(items, CpuId{4095}), nullptr);
    EXPECT_EQ(at_id(items, CpuId{0}), 7);
    EXPECT_THROW(static_cast<void>(at_id(items, CpuId{2})), std::out_of_range);
    const auto host = regular_host({.cores = 1});
    EXPECT_THROW(static_cast<void>(host.cpu(CpuId{9})), std::out_of_range);
}

} // namespace
} // namespace virtpind::test
