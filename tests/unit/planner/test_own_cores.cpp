// SPDX-License-Identifier: LGPL-2.1-or-later
// One vCPU per core: smt=auto for guests whose topology has that, and smt=spread.
#include "tests/support/plan_case.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>

namespace virtpind::test {
namespace {

// A dedicated domain of cores with one thread each, as its topology says.
Intent single(std::string name, std::uint32_t cores)
{
    auto intent = domain(std::move(name), cores);
    intent.topology = GuestTopology{.cores = cores, .threads = 1};
    return intent;
}

std::size_t cores_used(const Topology& host, const DomainPlan& plan)
{
    const auto cpus = vcpu_cpus(plan);
    return static_cast<std::size_t>(
        std::count_if(host.cores.begin(), host.cores.end(),
                      [&cpus](const Core& core) { return core.cpus.intersects(cpus); }));
}

TEST(OwnCores, AreForGuestsOfOneThreadPerCore)
{
    const auto plan = plan_on(ryzen(), {single("vm", 5)});
    const auto& vm = plan.domains[0];
    EXPECT_EQ(vm.claim, cpus("6-10"));
    EXPECT_TRUE(plan.pool.includes(cpus("18-22"))) << "the siblings";
    EXPECT_EQ(vm.cost[CostTerm::partial_cores], 0U);
    EXPECT_TRUE(vm.optimal);
    EXPECT_TRUE(says(vm, ReasonCode::own_cores, {{"pool", cpus("18-22")}}));
    EXPECT_FALSE(says(vm, ReasonCode::cores_whole));
}

TEST(OwnCores, AreForNobodyElse)
{
    EXPECT_EQ(cores_used(ryzen(), plan_on(ryzen(), {domain("vm", 6)}).domains[0]), 3U);
    EXPECT_EQ(cores_used(ryzen(), plan_on(ryzen(), {threaded("vm", 3)}).domains[0]), 3U);
    auto packed = single("vm", 6);
    packed.policy.smt = SmtChoice::prefer;
    EXPECT_EQ(cores_used(ryzen(), plan_on(ryzen(), {packed}).domains[0]), 3U);
    packed.policy.smt = SmtChoice::require; // of a guest that keeps its topology
    EXPECT_EQ(cores_used(ryzen(), plan_on(ryzen(), {packed}).domains[0]), 3U);
    const auto without_smt = regular_host({.cores = 8, .threads = 1});
    EXPECT_FALSE(says(plan_on(without_smt, {single("vm", 3)}).domains[0], ReasonCode::own_cores));
}

TEST(OwnCores, ArePassedThroughWhole)
{
    auto vm = single("vm", 5);
    vm.policy.smt = SmtChoice::require;
    vm.policy.topology = TopologyChoice::match;
    const auto plan = plan_on(ryzen(), {vm}).domains[0];
    EXPECT_EQ(vcpu_cpus(plan), cpus("6-10"));
    EXPECT_EQ(plan.claim, cpus("6-10,18-22"));
    EXPECT_TRUE(plan.optimal);
    EXPECT_TRUE(says(plan, ReasonCode::own_cores, {{"siblings", cpus("18-22")}}));
}

TEST(OwnCores, AreSharedWhereTheyRunOut)
{
    const auto host = regular_host({.cores = 4}); // housekeeping 0,4
    const auto plan = plan_on(host, {single("vm", 5)}).domains[0];
    EXPECT_EQ(cores_used(host, plan), 3U);
    EXPECT_TRUE(plan.satisfied);
    EXPECT_TRUE(plan.optimal);
    EXPECT_TRUE(says(plan, ReasonCode::few_cores,
                     {{"vcpus", std::uint64_t{5}}, {"cores", std::uint64_t{3}}}));
}

TEST(OwnCores, CostNoFurtherNode)
{
    const auto plan = plan_on(two_nodes(), {single("vm", 5)}).domains[0];
    EXPECT_EQ(plan.cost[CostTerm::nodes], 1U);
    EXPECT_TRUE(says(plan, ReasonCode::few_cores));
    EXPECT_TRUE(plan.optimal);
}

TEST(OwnCores, AreTakenFromNobody)
{
    const auto host = regular_host({.cores = 6}); // housekeeping 0,6
    auto big = threaded("big", 3);
    big.policy.smt = SmtChoice::require;
    auto plan = plan_on(host, {single("vm", 4), big});
    EXPECT_TRUE(plan.domains[1].satisfied);
    EXPECT_EQ(cores_used(host, plan.domains[0]), 2U);
    plan = plan_on(host, {single("vm", 2), big});
    EXPECT_EQ(cores_used(host, plan.domains[0]), 2U) << "two cores are left";

    plan = plan_on(host, {single("vm", 4), shared("floats", 3)});
    EXPECT_EQ(cores_used(host, plan.domains[0]), 2U) << "the pool would have one core";
    plan = plan_on(host, {single("vm", 3), shared("floats", 3)});
    EXPECT_EQ(cores_used(host, plan.domains[0]), 3U);
}

TEST(OwnCores, EmptyThePoolWhereNobodyMissesIt)
{
    const auto host = regular_host({.cores = 6}); // housekeeping 0,6
    auto vm = single("vm", 5);
    EXPECT_EQ(cores_used(host, plan_on(host, {vm}).domains[0]), 5U);
    vm.policy.smt = SmtChoice::require; // claims the siblings, too
    vm.policy.topology = TopologyChoice::match;
    EXPECT_EQ(cores_used(host, plan_on(host, {vm}).domains[0]), 5U);
    EXPECT_EQ(cores_used(host, plan_on(host, {vm, shared("floats", 1)}).domains[0]), 3U);
    auto whole = single("vm", 6);
    whole.policy = vm.policy;
    const PlanRequest bare{.topology = &host,
                           .usable = std::nullopt,
                           .housekeeping = CpuSet{},
                           .intents = {whole},
                           .watch = nullptr};
    EXPECT_EQ(cores_used(host, make_plan(bare).domains[0]), 3U) << "nothing for the emulator";
}

TEST(OwnCores, HaveSiblingsThatSharedDomainsUseLast)
{
    auto plan = plan_on(ryzen(), {single("vm", 5), shared("small", 4)});
    EXPECT_EQ(vcpu_cpus(plan.domains[1]), plan.pool - cpus("18-22"));
    auto apart = domain("vm", 5);
    apart.policy.smt = SmtChoice::spread;
    plan = plan_on(ryzen(), {apart, shared("large", 16)});
    EXPECT_EQ(vcpu_cpus(plan.domains[1]), plan.pool);
}

// Found at random: without the siblings of node 0, no node with memory is left. That the guest has
// its memory once it runs is no reason to go where there is none.
TEST(OwnCores, HaveSiblingsThatAreUsedWhereTheMemoryIs)
{
    auto host = two_nodes();
    host.nodes[0].memory_kib = 4096;
    host.nodes[1].memory_kib = 0;
    auto apart = domain("vm", 4);
    apart.policy.smt = SmtChoice::spread;
    apart.policy.cpus = cpus("0-3");
    auto floats = shared("floats", 6);
    floats.memory_kib = 2048;
    const auto first = plan_on(host, {apart, floats}, CpuSet{});
    EXPECT_EQ(vcpu_cpus(first.domains[1]), first.pool);
    apart = running_on(apart, {0, 1, 2, 3});
    floats.activity = Activity::running;
    floats.current.vcpus = first.domains[1].vcpus;
    EXPECT_EQ(vcpu_cpus(plan_on(host, {apart, floats}, CpuSet{}).domains[1]), first.pool);
}

TEST(OwnCores, AreNoReasonToMoveARunningGuest)
{
    const auto host = regular_host({.cores = 6});
    const auto vm = running_on(single("vm", 4), {1, 7, 2, 8});
    const auto plan = plan_on(host, {vm}).domains[0];
    EXPECT_EQ(plan.claim, cpus("1-2,7-8"));
    EXPECT_TRUE(says(plan, ReasonCode::few_cores, {{"stays", true}}));
    EXPECT_TRUE(says(plan, ReasonCode::kept_in_place));
}

TEST(OwnCores, AreKeptAndGivenToVcpusThatAreAdded)
{
    const auto vm = running_on(single("vm", 3), {1, 2}); // vCPU 2 is new
    const auto plan = plan_on(regular_host({.cores = 6}), {vm}).domains[0];
    EXPECT_EQ(plan.claim, cpus("1-3"));
    EXPECT_EQ(plan.cost[CostTerm::stacked], 0U);
}

TEST(OwnCores, AreInTheDefinitionOfAGuestThatIsOff)
{
    auto vm = single("vm", 5);
    vm.activity = Activity::dormant;
    vm.shut_off = true;
    EXPECT_EQ(plan_on(ryzen(), {vm}).domains[0].claim, cpus("6-10"));
}

// Found at random: with the cores that it got in the end, its first place would be beside one of
// them, where it leaves the other guest other CPUs than when it got them.
TEST(OwnCores, OfAGuestThatIsOffAreTheSameInTheNextPlan)
{
    const auto host =
        host_of_cores({{.cpus = {0}}, {.cpus = {1, 2, 3, 4}}, {.cpus = {5}, .l3 = 1}});
    std::vector<Intent> guests{single("apart", 2), domain("other", 2)};
    for (auto& guest : guests) {
        guest.activity = Activity::dormant;
        guest.shut_off = true;
    }
    const auto first = plan_on(host, guests, CpuSet{});
    for (std::size_t i = 0; i < guests.size(); ++i) {
        guests[i].current.vcpus = first.domains[i].vcpus;
        guests[i].has_our_pins = true;
    }
    const auto again = plan_on(host, guests, CpuSet{});
    EXPECT_EQ(again.domains[0].vcpus, first.domains[0].vcpus);
    EXPECT_EQ(again.domains[1].vcpus, first.domains[1].vcpus);
}

TEST(Spread, IsAWish)
{
    const auto host = regular_host({.cores = 4}); // housekeeping 0,4
    auto vm = domain("vm", 4);
    vm.policy.smt = SmtChoice::spread;
    auto plan = plan_on(host, {vm}).domains[0];
    EXPECT_EQ(plan.placement, Placement::dedicated);
    EXPECT_EQ(cores_used(host, plan), 3U);
    EXPECT_EQ(plan.cost[CostTerm::doubled], 1U);
    EXPECT_TRUE(plan.satisfied);
    EXPECT_TRUE(plan.optimal);
    EXPECT_TRUE(says(plan, ReasonCode::few_cores, {{"doubled", std::uint64_t{1}}}));
    vm = domain("vm", 3);
    vm.policy.smt = SmtChoice::spread;
    plan = plan_on(host, {vm}).domains[0];
    EXPECT_EQ(cores_used(host, plan), 3U);
    EXPECT_EQ(plan.cost[CostTerm::doubled], 0U);
}

TEST(Spread, TakesFurtherNodesBeforeSiblings)
{
    auto vm = domain("vm", 6);
    vm.policy.smt = SmtChoice::spread;
    const auto plan = plan_on(two_nodes(), {vm}).domains[0];
    EXPECT_EQ(cores_used(two_nodes(), plan), 6U);
    EXPECT_EQ(plan.cost[CostTerm::nodes], 2U);
}

// As few share a core as possible, on more nodes if need be: one node would have held them all.
TEST(Spread, TakesAllCoresBeforeSiblingsOfOneNode)
{
    auto vm = domain("vm", 8);
    vm.policy.smt = SmtChoice::spread;
    const auto plan = plan_on(two_nodes(), {vm}, cpus("0,8")).domains.front();
    EXPECT_EQ(plan.cost[CostTerm::doubled], 1U);
    EXPECT_EQ(plan.cost[CostTerm::nodes], 2U);
    EXPECT_TRUE(plan.optimal);
    vm.policy.numa = NumaChoice::single;
    const auto one = plan_on(two_nodes(), {vm}, cpus("0,8")).domains.front();
    EXPECT_EQ(vcpu_cpus(one), cpus("4-7,12-15"));
}

// Found at random: the sibling of CPU 0 is isolated, and the option cpus leaves it out, so that CPU
// 0 would be a core to it. The single core of the other node serves housekeeping as well.
TEST(Spread, HousekeepingGivesWayForACoreOfWhichTheOptionCpusAllowsAPart)
{
    auto host = host_of_cores({{.cpus = {0, 1}},
                               {.cpus = {2}, .node = 1, .l3 = 1},
                               {.cpus = {3, 11}},
                               {.cpus = {9, 10}}});
    host.isolated = cpus("1");
    auto vm = domain("vm", 3);
    vm.policy.smt = SmtChoice::spread;
    vm.policy.numa = NumaChoice::single;
    vm.policy.cpus = cpus("0,2-3,9-11");
    const auto plan = plan_on(host, {vm});
    EXPECT_EQ(plan.domains.front().cost[CostTerm::doubled], 0U);
    EXPECT_EQ(plan.housekeeping, cpus("2"));
}

// Found at random: the rest of the core is isolated and free, but too little for all on that node.
TEST(Spread, HousekeepingGivesWayForTheRestOfACore)
{
    auto host = host_of_cores({{.cpus = {0, 3, 4, 6}},
                               {.cpus = {5}},
                               {.cpus = {7}},
                               {.cpus = {2, 9, 10, 11}, .node = 1, .l3 = 1},
                               {.cpus = {8, 12, 13, 14}, .node = 1, .l3 = 1}});
    host.isolated = cpus("6");
    auto vm = domain("vm", 5);
    vm.policy.smt = SmtChoice::spread;
    vm.policy.numa = NumaChoice::single;
    const auto plan = plan_on(host, {vm});
    EXPECT_EQ(plan.domains.front().cost[CostTerm::doubled], 2U);
    EXPECT_FALSE(plan.housekeeping.intersects(cpus("0,3-7")));
}

// It was placed while others were where they could not stay: that its core is whole shows later.
TEST(OwnCores, HaveSiblingsThatAreUsedLastOnceTheyAreFree)
{
    auto host = host_of_cores({{.cpus = {0, 8}, .package = 0, .node = 1, .l3 = 0},
                               {.cpus = {1}, .package = 1, .node = 2, .l3 = 1},
                               {.cpus = {2, 5}, .package = 0, .node = 0, .l3 = 2},
                               {.cpus = {3}, .package = 1, .node = 3, .l3 = 3},
                               {.cpus = {4, 9}, .package = 0, .node = 0, .l3 = 2},
                               {.cpus = {6, 7}, .package = 0, .node = 1, .l3 = 0},
                               {.cpus = {10, 11}, .package = 1, .node = 2, .l3 = 1}});
    host.distance = {{10, 12, 11, 11}, {11, 10, 11, 12}, {11, 11, 10, 11}, {11, 11, 11, 10}};
    auto one = running_on(single("one", 1), {0}); // housekeeping
    one.policy.cpus = cpus("0-1,3-11");
    one.devices = {{"nodes 0", NodeSet{NodeId{0}}}};
    auto floats = shared("floats", 1);
    floats.activity = Activity::running;
    auto large = domain("large", 4);
    large.policy.priority = 1;
    large.cells = {{.vcpus = VcpuSet{VcpuId{0}}}, {.id = 1, .vcpus = VcpuSet::range(1, 3)}};
    auto whole = domain("whole", 3);
    whole.policy.priority = 1;
    whole.policy.smt = SmtChoice::require;
    const auto plan = plan_on(host, {one, floats, large, whole});
    EXPECT_EQ(vcpu_cpus(plan.domains[0]), cpus("0"));
    EXPECT_EQ(vcpu_cpus(plan.domains[1]), cpus("6-7")); // not 8
}

} // namespace
} // namespace virtpind::test
