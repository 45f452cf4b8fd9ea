// SPDX-License-Identifier: LGPL-2.1-or-later
// Running domains that move for fewer nodes or L3s: a newcomer's, or their own.
#include "tests/support/plan_case.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace virtpind::test {
namespace {

// Two L3s of four cores, CPUs 0-3 and 4-7.
Topology two_l3s()
{
    return regular_host({.l3s = 2, .cores = 4, .threads = 1});
}

// The same as two nodes.
Topology two_small_nodes()
{
    return regular_host({.nodes = 2, .cores = 4, .threads = 1});
}

Plan tidy_on(const Topology& host, std::vector<Intent> intents, std::size_t vcpus = 16)
{
    const PlanRequest request{.topology = &host,
                              .housekeeping = CpuSet{},
                              .intents = std::move(intents),
                              .tidy_vcpus = vcpus};
    EXPECT_TRUE(validate_request(request).ok());
    auto plan = make_plan(request);
    EXPECT_EQ(check_plan(request, plan), std::vector<std::string>{});
    return plan;
}

Intent with_move(Intent intent, MoveLimit move)
{
    intent.policy.move = move;
    return intent;
}

TEST(Tidying, OneMakesWayForANewcomerThatWouldSpanTwoL3s)
{
    const std::vector<Intent> intents{running_on(domain("one", 1), {1}),
                                      running_on(domain("two", 2), {4, 5}), domain("new", 4)};
    const auto before = tidy_on(two_l3s(), intents, 0);
    EXPECT_EQ(before.domains[2].cost[CostTerm::l3], 2U);
    EXPECT_EQ(before.tidied_vcpus, 0U);
    const auto plan = tidy_on(two_l3s(), intents);
    EXPECT_EQ(vcpu_cpus(plan.domains[2]), cpus("0-3"));
    EXPECT_TRUE(vcpu_cpus(plan.domains[0]).intersects(cpus("6-7")));
    EXPECT_EQ(vcpu_cpus(plan.domains[1]), cpus("4-5"));
    EXPECT_EQ(plan.tidied_vcpus, 1U);
    EXPECT_TRUE(says(plan.domains[0], ReasonCode::tidied,
                     {{"vcpus", std::uint64_t{1}},
                      {"from", cpus("1")},
                      {"newcomer", "new"},
                      {"fewer_l3s", std::uint64_t{1}},
                      {"former_l3s", std::uint64_t{2}}}));
    EXPECT_FALSE(says(plan.domains[1], ReasonCode::tidied));
}

TEST(Tidying, TwoMakeWayWhereOneIsNotEnough)
{
    const auto host = regular_host({.l3s = 3, .cores = 4, .threads = 1});
    const auto plan =
        tidy_on(host, {running_on(domain("one", 1), {0}), running_on(domain("other", 1), {1}),
                       running_on(domain("three", 3), {4, 5, 6}),
                       running_on(domain("third", 3), {8, 9, 10}), domain("new", 4)});
    EXPECT_EQ(vcpu_cpus(plan.domains[4]), cpus("0-3"));
    EXPECT_EQ(vcpu_cpus(plan.domains[0]) | vcpu_cpus(plan.domains[1]), cpus("7,11"));
    EXPECT_EQ(plan.tidied_vcpus, 2U);
}

TEST(Tidying, OnlyTheVcpuThatIsElsewhereComesBackAfterADeparture)
{
    const auto plan = tidy_on(two_l3s(), {running_on(domain("vm", 3), {0, 1, 4})});
    const auto& vm = plan.domains.front();
    EXPECT_EQ(vm.vcpus.at(VcpuId{0}), cpus("0"));
    EXPECT_EQ(vm.vcpus.at(VcpuId{1}), cpus("1"));
    EXPECT_TRUE(cpus("2-3").includes(vm.vcpus.at(VcpuId{2})));
    EXPECT_EQ(plan.tidied_vcpus, 1U);
    EXPECT_TRUE(says(vm, ReasonCode::tidied, {{"vcpus", std::uint64_t{1}}, {"from", cpus("4")}}));
}

TEST(Tidying, RemoteVcpuGoesHomeWhenItsDomainShrinks)
{
    auto vm = with_move(running_on(domain("vm", 8), {0, 1, 2, 4, 5, 6, 7, 3}), MoveLimit::node);
    vm.vcpus_online = VcpuSet{VcpuId{0}, VcpuId{1}, VcpuId{2}, VcpuId{3}};
    const auto plan = tidy_on(two_small_nodes(), {vm});
    EXPECT_EQ(plan.domains.front().vcpus.at(VcpuId{3}), cpus("3"));
    EXPECT_EQ(plan.tidied_vcpus, 1U);
    EXPECT_TRUE(says(plan.domains.front(), ReasonCode::tidied,
                     {{"from", cpus("4")},
                      {"fewer_nodes", std::uint64_t{1}},
                      {"former_nodes", std::uint64_t{2}}}));
}

TEST(Tidying, NobodyMovesWhoMustNot)
{
    const auto stays = with_move(running_on(domain("one", 1), {1}), MoveLimit::never);
    const auto also = with_move(running_on(domain("two", 2), {4, 5}), MoveLimit::never);
    EXPECT_EQ(tidy_on(two_l3s(), {stays, also, domain("new", 4)}).tidied_vcpus, 0U);
    const auto split = with_move(running_on(domain("vm", 2), {0, 4}), MoveLimit::never);
    EXPECT_EQ(tidy_on(two_l3s(), {split}).tidied_vcpus, 0U);
}

// The other node has room for it, and move=cache keeps it on its own.
TEST(Tidying, StaysOnItsNodesUnlessMoveSaysNode)
{
    const auto host = regular_host({.nodes = 2, .l3s = 2, .cores = 4, .threads = 1});
    const auto vm = running_on(domain("vm", 2), {3, 7});
    std::vector<Intent> intents{vm,
                                with_move(running_on(domain("a", 3), {0, 1, 2}), MoveLimit::never),
                                with_move(running_on(domain("b", 3), {4, 5, 6}), MoveLimit::never)};
    EXPECT_EQ(tidy_on(host, intents).tidied_vcpus, 0U);
    intents.front() = with_move(vm, MoveLimit::node);
    const auto plan = tidy_on(host, intents);
    EXPECT_EQ(plan.tidied_vcpus, 2U);
    EXPECT_EQ(plan.domains.front().cost[CostTerm::l3], 1U);
}

TEST(Tidying, KeepsToItsLimit)
{
    const std::vector<Intent> intents{running_on(domain("a", 3), {0, 4, 5}),
                                      running_on(domain("b", 3), {1, 2, 6})};
    EXPECT_EQ(tidy_on(two_l3s(), intents, 1).tidied_vcpus, 1U);
    const auto plan = tidy_on(two_l3s(), intents, 2);
    EXPECT_EQ(plan.tidied_vcpus, 2U);
    EXPECT_EQ(plan.domains[0].cost[CostTerm::l3] + plan.domains[1].cost[CostTerm::l3], 2U);
}

TEST(Tidying, NobodyOfHigherPriorityMakesWay)
{
    auto one = running_on(domain("one", 1), {1});
    one.policy.priority = 1;
    const auto two = with_move(running_on(domain("two", 2), {4, 5}), MoveLimit::never);
    EXPECT_EQ(tidy_on(two_l3s(), {one, two, domain("new", 4)}).tidied_vcpus, 0U);
}

// The newcomer would have one L3 if the other were torn apart.
TEST(Tidying, NobodyIsWorseOff)
{
    const auto host = regular_host({.l3s = 3, .cores = 4, .threads = 1});
    const auto plan = tidy_on(host, {running_on(domain("two", 2), {0, 1}),
                                     running_on(domain("three", 3), {4, 5, 6}),
                                     running_on(domain("other", 3), {8, 9, 10}), domain("new", 4)});
    EXPECT_EQ(plan.tidied_vcpus, 0U);
    EXPECT_EQ(plan.domains[3].cost[CostTerm::l3], 3U);
}

TEST(Tidying, ItsResultIsAtRest)
{
    std::vector<Intent> intents{running_on(domain("one", 1), {1}),
                                running_on(domain("two", 2), {4, 5}), domain("new", 4)};
    const auto first = tidy_on(two_l3s(), intents);
    for (std::size_t i = 0; i < intents.size(); ++i) {
        intents[i].activity = Activity::running;
        intents[i].current.vcpus = first.domains[i].vcpus;
        intents[i].current.emulator = first.domains[i].emulator;
    }
    const auto second = tidy_on(two_l3s(), intents);
    EXPECT_EQ(second.tidied_vcpus, 0U);
    for (std::size_t i = 0; i < intents.size(); ++i) {
        EXPECT_EQ(second.domains[i].vcpus, first.domains[i].vcpus);
        EXPECT_TRUE(says(second.domains[i], ReasonCode::kept_in_place));
    }
}

} // namespace
} // namespace virtpind::test
