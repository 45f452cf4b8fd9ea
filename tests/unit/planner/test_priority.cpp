// SPDX-License-Identifier: LGPL-2.1-or-later
// Which domain stays, moves or yields when others arrive.
#include "tests/support/plan_case.hpp"

#include <gtest/gtest.h>

namespace virtpind::test {
namespace {

TEST(Rearrange, RunningDomainsStayWhenSomebodyArrives)
{
    auto old = threaded("old", 2);
    old.activity = Activity::running;
    old.current.vcpus = {{VcpuId{0}, cpus("8")},
                         {VcpuId{1}, cpus("20")},
                         {VcpuId{2}, cpus("9")},
                         {VcpuId{3}, cpus("21")}};
    auto newcomer = threaded("new", 5);
    newcomer.policy.priority = 5;
    const auto plan = plan_on(ryzen(), {old, newcomer});
    EXPECT_EQ(plan.domains[0].claim, cpus("8-9,20-21"));
    EXPECT_TRUE(says(plan.domains[0], ReasonCode::kept_in_place));
    EXPECT_EQ(plan.domains[1].claim, cpus("1-5,13-17"));
}

TEST(Rearrange, RunningDomainMovesForANewcomerWithinItsMoveLimit)
{
    const auto host = regular_host({.cores = 4, .threads = 1});
    auto old = domain("old", 1);
    old.activity = Activity::running;
    old.current.vcpus = {{VcpuId{0}, cpus("2")}};
    auto fixed = domain("fixed", 2);
    fixed.policy.cpus = cpus("2-3");
    EXPECT_EQ(plan_on(host, {old, fixed}, CpuSet{}).domains[1].claim, cpus("2-3"));
    old.policy.move = MoveLimit::never;
    const auto stuck = plan_on(host, {old, fixed}, CpuSet{});
    EXPECT_EQ(stuck.domains[0].claim, cpus("2"));
    EXPECT_EQ(stuck.domains[1].placement, Placement::shared);
    EXPECT_FALSE(stuck.domains[1].satisfied);
    EXPECT_TRUE(says(stuck.domains[1], ReasonCode::to_do_better));
}

TEST(Priority, DormantDomainsAreNeverInTheWay)
{
    auto dormant = threaded("dormant", 6);
    dormant.activity = Activity::dormant;
    const auto plan = plan_on(ryzen(), {dormant, threaded("active", 6)});
    EXPECT_EQ(plan.domains[1].claim, cpus("6-11,18-23"));
    EXPECT_EQ(plan.pool, cpus("1-5,13-17"));
    EXPECT_TRUE(plan.domains[0].awaits) << "it is planned for when there is room";
}

TEST(Priority, HigherOneTakesTheCpusThatDoNotSufficeForBoth)
{
    const auto host = regular_host({.cores = 4, .threads = 1});
    auto low = domain("low", 3);
    low.activity = Activity::running;
    low.current.vcpus = {{VcpuId{0}, cpus("0")}, {VcpuId{1}, cpus("1")}, {VcpuId{2}, cpus("2")}};
    auto high = domain("high", 3);
    high.policy.priority = 1;
    const auto plan = plan_on(host, {low, high}, CpuSet{});
    EXPECT_EQ(plan.domains[0].placement, Placement::shared);
    EXPECT_EQ(plan.domains[1].placement, Placement::dedicated);
}

} // namespace
} // namespace virtpind::test
