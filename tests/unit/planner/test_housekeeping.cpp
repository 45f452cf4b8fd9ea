// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/planner/fleet/housekeeping.hpp"
#include "tests/support/plan_case.hpp"

#include <gtest/gtest.h>

namespace virtpind::test {
namespace {

CpuSet wished_on(const Topology& host, const std::vector<Intent>& intents = {})
{
    return auto_housekeeping(host, host.usable_cpus(), intents);
}

// Two packages of four cores, siblings N and N+8, each with a device that does I/O.
Topology two_io_nodes()
{
    auto host = two_nodes();
    for (std::uint32_t i = 0; i < 2; ++i) {
        auto& node = host.nodes[i];
        node.has_io = true;
        host.devices.push_back({.address = "0000:0" + std::to_string(i) + ":00.0",
                                .label = {},
                                .cpus = node.cpus,
                                .nodes = {node.id},
                                .does_io = true});
    }
    return host;
}

// Two L3s of eight cores, siblings N and N+16, the first one with V-cache.
Topology x3d()
{
    auto host = regular_host({.l3s = 2, .cores = 8});
    host.l3s[0].vcache = true;
    host.l3s[0].size_bytes = 96U << 20U;
    return host;
}

Intent at_node(Intent intent, std::uint32_t node)
{
    intent.devices = {{.label = "nodes " + std::to_string(node), .nodes = {NodeId{node}}}};
    return intent;
}

// The domains of `plan` as they run from then on.
std::vector<Intent> running(std::vector<Intent> intents, const Plan& plan)
{
    for (std::size_t i = 0; i < intents.size(); ++i) {
        intents[i].activity = Activity::running;
        intents[i].current.vcpus = plan.domains[i].vcpus;
        intents[i].current.emulator = plan.domains[i].emulator;
    }
    return intents;
}

Intent shut_off(Intent intent)
{
    intent.activity = Activity::dormant;
    intent.shut_off = true;
    return intent;
}

TEST(Housekeeping, TakesOneCorePerFurtherIoNodeAndNeverEverything)
{
    auto host = two_nodes();
    EXPECT_EQ(wished_on(host), cpus("0,8"));
    host.nodes[1].has_io = true;
    EXPECT_EQ(wished_on(host), cpus("0,4,8,12"));
    EXPECT_TRUE(wished_on(regular_host({.cores = 1})).empty());
    EXPECT_EQ(wished_on(hybrid_host(2, 4)), cpus("0-1,4"));
}

TEST(Housekeeping, LeavesNodesWhoseDevicesAreAllPassedThrough)
{
    auto host = two_io_nodes();
    auto guest = domain("a", 2);
    guest.exclusive = {pci_resource("0000:01:00.0")};
    EXPECT_EQ(wished_on(host), cpus("0,4,8,12"));
    EXPECT_EQ(wished_on(host, {guest}), cpus("0,8"));
    // A disk that the host has there, too.
    host.devices.push_back(host.devices.back());
    host.devices.back().address = "0000:02:00.0";
    EXPECT_EQ(wished_on(host, {guest}), cpus("0,4,8,12"));
    host.devices.back().does_io = false; // a bridge
    EXPECT_EQ(wished_on(host, {guest}), cpus("0,8"));
}

TEST(Housekeeping, TakesAllEfficiencyCoresOfAnL2)
{
    auto host = hybrid_host(6, 8); // 0-11, 12-19
    for (const auto* cluster : {"0-1", "12-15", "16-19"}) {
        host.caches.push_back({.level = 2, .size_bytes = 2U << 20U, .cpus = cpus(cluster)});
    }
    EXPECT_EQ(wished_on(host), cpus("0-1,12-15"));
    const auto plan = plan_on(host, {domain("a", 4)});
    EXPECT_EQ(plan.domains.front().emulator, cpus("12-15"));
    // What nobody needs whole is no reason to be without a place.
    auto build = domain("build", 6);
    build.policy.cores = CoreChoice::efficiency;
    const auto beside = plan_on(host, {build});
    EXPECT_EQ(beside.domains.front().placement, Placement::dedicated);
    EXPECT_EQ(beside.housekeeping.common(cpus("12-19")), 2U);
}

TEST(Housekeeping, GivesWayToWhoNeedsAWholeNode)
{
    const auto host = two_io_nodes();
    const auto plan = plan_on(host, {at_node(threaded("game", 4), 1)});
    EXPECT_EQ(vcpu_cpus(plan.domains.front()), cpus("4-7,12-15"));
    EXPECT_EQ(plan.housekeeping, cpus("0,8"));
    EXPECT_EQ(plan.yielded, cpus("4,12"));
    EXPECT_EQ(plan.domains.front().emulator, cpus("0,8"));
    EXPECT_TRUE(says(plan.domains.front(), ReasonCode::housekeeping_yields,
                     {{"yielded", cpus("4,12")},
                      {"housekeeping", cpus("0,8")},
                      {"loss", ReasonPhrase::lose_nodes}}));
    // On the node of CPU 0, the core of the other node is left.
    const auto first = plan_on(host, {at_node(threaded("game", 4), 0)});
    EXPECT_EQ(vcpu_cpus(first.domains.front()), cpus("0-3,8-11"));
    EXPECT_EQ(first.housekeeping, cpus("4,12"));
}

TEST(Housekeeping, GivesWayToWhoWantsACoreForEachVcpu)
{
    auto guest = domain("guest", 4);
    guest.policy.smt = SmtChoice::spread;
    guest.policy.cpus = cpus("0-3,8-11");
    const auto plan = plan_on(two_nodes(), {guest});
    EXPECT_EQ(plan.domains.front().cost[CostTerm::doubled], 0U);
    EXPECT_EQ(plan.housekeeping, cpus("4,12"));
    EXPECT_TRUE(says(plan.domains.front(), ReasonCode::housekeeping_yields,
                     {{"yielded", cpus("0,8")}, {"loss", ReasonPhrase::lose_cores}}));
    guest.policy.smt = SmtChoice::automatic;
    EXPECT_EQ(plan_on(two_nodes(), {guest}).housekeeping, cpus("0,8"));
}

TEST(Housekeeping, StaysWhereTheNodeIsLargeEnough)
{
    const auto plan = plan_on(two_io_nodes(), {at_node(threaded("game", 3), 1)});
    EXPECT_EQ(vcpu_cpus(plan.domains.front()), cpus("5-7,13-15"));
    EXPECT_EQ(plan.housekeeping, cpus("0,4,8,12"));
    EXPECT_TRUE(plan.yielded.empty());
    EXPECT_FALSE(says(plan.domains.front(), ReasonCode::housekeeping_yields));
}

TEST(Housekeeping, KeepsOneCoreWhoeverAsks)
{
    const auto host = two_io_nodes();
    const auto plan = plan_on(host, {at_node(threaded("a", 4), 1), at_node(threaded("b", 4), 0)});
    EXPECT_EQ(plan.housekeeping, cpus("0,8"));
    EXPECT_EQ(vcpu_cpus(plan.domains[0]), cpus("4-7,12-15"));
    EXPECT_NE(plan.domains[1].placement, Placement::dedicated);
    const auto whole = plan_on(host, {threaded("all", 8)});
    EXPECT_EQ(whole.housekeeping, cpus("0,4,8,12"));
    EXPECT_NE(whole.domains[0].placement, Placement::dedicated);
    EXPECT_EQ(plan_on(host, {threaded("most", 7)}).housekeeping.size(), 2U);
    EXPECT_TRUE(plan_on(regular_host({.cores = 1}), {domain("one", 2)}).housekeeping.empty());
}

TEST(Housekeeping, LivesOnEfficiencyCoresWhereAllOthersAreAskedFor)
{
    const auto host = hybrid_host(4, 4); // 0-7, 8-11
    const auto plan = plan_on(host, {threaded("game", 4)});
    EXPECT_EQ(vcpu_cpus(plan.domains.front()), cpus("0-7"));
    EXPECT_EQ(plan.housekeeping, cpus("8"));
    EXPECT_EQ(plan.domains.front().emulator, cpus("8"));
    auto build = domain("build", 4);
    build.policy.cores = CoreChoice::efficiency;
    EXPECT_EQ(plan_on(host, {build}).housekeeping, cpus("0-1"));
}

TEST(Housekeeping, GoesToLowPowerCoresOnlyWhereNothingElseIsLeft)
{
    auto host = hybrid_host(4, 2); // 0-7, 8-9
    host.kinds[1].core_class = CoreClass::low_power;
    EXPECT_EQ(plan_on(host, {threaded("game", 3)}).housekeeping, cpus("0-1"));
    const auto plan = plan_on(host, {threaded("game", 4)});
    EXPECT_EQ(vcpu_cpus(plan.domains.front()), cpus("0-7"));
    EXPECT_EQ(plan.housekeeping, cpus("8"));
}

TEST(Housekeeping, LeavesTheWholeVcacheToWhoFillsIt)
{
    const auto plan = plan_on(x3d(), {threaded("game", 8)});
    EXPECT_EQ(vcpu_cpus(plan.domains.front()), cpus("0-7,16-23"));
    EXPECT_EQ(plan.housekeeping, cpus("8,24"));
    EXPECT_EQ(plan.domains.front().emulator, cpus("8,24"));
    EXPECT_TRUE(says(plan.domains.front(), ReasonCode::housekeeping_yields,
                     {{"loss", ReasonPhrase::lose_vcache}}));
    for (const auto cores : {2U, 6U, 7U, 9U, 12U}) { // it has room enough, or never could
        EXPECT_EQ(plan_on(x3d(), {threaded("other", cores)}).housekeeping, cpus("0,16")) << cores;
    }
    auto packed = threaded("packed", 8);
    packed.policy.cache = CacheChoice::pack;
    EXPECT_EQ(plan_on(x3d(), {packed}).housekeeping, cpus("0,16"));
}

TEST(Housekeeping, CostsNobodyElseItsPlace)
{
    auto work = threaded("work", 8);
    work.policy.cpus = cpus("8-15,24-31");
    const auto plan = plan_on(x3d(), {work, threaded("game", 8)});
    EXPECT_EQ(plan.housekeeping, cpus("0,16"));
    EXPECT_EQ(vcpu_cpus(plan.domains[0]), cpus("8-15,24-31"));
    EXPECT_NE(plan.domains[1].placement, Placement::dedicated);
    // Beside one that has room enough on the other L3, it gives way.
    EXPECT_EQ(plan_on(x3d(), {threaded("work", 7), threaded("game", 8)}).housekeeping,
              cpus("8,24"));
}

TEST(Housekeeping, WithoutSiblingsIsOneCpu)
{
    const auto host = regular_host({.packages = 2, .cores = 4, .threads = 1});
    const auto plan = plan_on(host, {at_node(domain("game", 4), 0)});
    EXPECT_EQ(vcpu_cpus(plan.domains.front()), cpus("0-3"));
    EXPECT_EQ(plan.housekeeping, cpus("4"));
}

TEST(Housekeeping, OfAListIsAnOrder)
{
    const auto plan = plan_on(x3d(), {threaded("game", 8)}, cpus("0,16"));
    EXPECT_EQ(plan.housekeeping, cpus("0,16"));
    EXPECT_TRUE(plan.yielded.empty());
    EXPECT_EQ(vcpu_cpus(plan.domains.front()), cpus("8-15,24-31"));
    EXPECT_TRUE(says(plan.domains.front(), ReasonCode::to_do_better,
                     {{"spare", cpus("8,24")}, {"loss", ReasonPhrase::lose_vcache}}));
    const auto kinds = plan_on(hybrid_host(4, 4), {threaded("game", 4)}, cpus("0-1"));
    EXPECT_TRUE(says(kinds.domains.front(), ReasonCode::to_do_better, {{"spare", cpus("8")}}));
}

TEST(Housekeeping, LeavesRunningDomainsWhereTheyAre)
{
    const auto host = x3d();
    // Where CPU 0 was not housekeeping when it started.
    const auto on_it = running_on(domain("early", 2), {0, 16});
    const auto plan = plan_on(host, {on_it});
    EXPECT_EQ(vcpu_cpus(plan.domains.front()), cpus("0,16"));
    EXPECT_EQ(plan.housekeeping, cpus("8,24"));
    EXPECT_TRUE(
        says(plan.domains.front(), ReasonCode::housekeeping_yields, {{"yielded", cpus("0,16")}}));
    // One that starts makes no difference to it.
    const auto beside = plan_on(host, {on_it, threaded("late", 7)});
    EXPECT_EQ(vcpu_cpus(beside.domains[0]), cpus("0,16"));
    EXPECT_EQ(beside.housekeeping, cpus("8,24"));
    // Pins that it may not keep are no place: two vCPUs on one CPU.
    EXPECT_EQ(plan_on(host, {running_on(domain("odd", 2), {0, 0})}).housekeeping, cpus("0,16"));
}

TEST(Housekeeping, IsThereAgainWhenNobodyIsInTheWay)
{
    const auto host = x3d();
    std::vector<Intent> intents{threaded("game", 8), threaded("work", 2)};
    const auto first = plan_on(host, intents);
    EXPECT_EQ(first.housekeeping, cpus("8,24"));
    const auto again = plan_on(host, running(intents, first));
    EXPECT_EQ(again.housekeeping, first.housekeeping);
    for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_EQ(again.domains[i].vcpus, first.domains[i].vcpus);
        EXPECT_EQ(again.domains[i].emulator, first.domains[i].emulator);
    }
    // Shut off, it has the same place in its definition, and the others have theirs.
    auto next = running(intents, first);
    next[0] = shut_off(next[0]);
    const auto after = plan_on(host, next);
    EXPECT_EQ(after.housekeeping, cpus("0,16"));
    EXPECT_EQ(after.domains[0].vcpus, first.domains[0].vcpus);
    EXPECT_EQ(after.domains[0].emulator, first.domains[0].emulator);
    EXPECT_EQ(after.domains[0].housekeeping, cpus("8,24"));
    EXPECT_TRUE(says(after.domains[0], ReasonCode::housekeeping_yields, {{"later", true}}));
    EXPECT_EQ(after.domains[1].vcpus, first.domains[1].vcpus);
}

TEST(Housekeeping, DoesNotComeBackToCpusThatSomebodyHas)
{
    const auto host = two_io_nodes();
    std::vector<Intent> intents{at_node(threaded("game", 4), 1)};
    auto late = running(intents, plan_on(host, intents));
    late[0] = shut_off(late[0]);
    late.push_back(running_on(at_node(threaded("other", 1), 1), {4, 12}));
    const auto plan = plan_on(host, late);
    EXPECT_EQ(vcpu_cpus(plan.domains[1]), cpus("4,12"));
    EXPECT_EQ(plan.housekeeping, cpus("0,8"));
}

TEST(Housekeeping, MovesSomebodyOnlyForTheLastCore)
{
    const auto host = regular_host({.cores = 2}); // 0,2 and 1,3
    const auto plan =
        plan_on(host, {running_on(domain("a", 2), {0, 2}), running_on(domain("b", 2), {1, 3})});
    EXPECT_EQ(plan.housekeeping, cpus("0,2"));
    EXPECT_EQ(vcpu_cpus(plan.domains[1]), cpus("1,3"));
}

// Beside its device, the domain leaves half a core of the other node. One of a single CPU is enough
// for housekeeping.
TEST(Housekeeping, KeepsASmallCoreWhereTheBestPlaceLeavesNoneWhole)
{
    const auto host = host_of_cores({{.cpus = {0, 1}, .node = 0},
                                     {.cpus = {2, 3}, .node = 0},
                                     {.cpus = {4}, .node = 1},
                                     {.cpus = {5, 6}, .node = 1}});
    const auto plan = plan_on(host, {at_node(domain("vm", 6), 1)});
    EXPECT_EQ(plan.domains[0].placement, Placement::dedicated);
    EXPECT_EQ(plan.housekeeping, cpus("4"));
}

// The siblings of its CPU are its own, though it is pinned to none of them.
TEST(Housekeeping, DoesNotComeBackOntoACoreThatARunningDomainHasWhole)
{
    auto host = regular_host({.cores = 4}); // siblings N and N+4
    host.nohz_full = cpus("4");
    auto vm = running_on(domain("vm", 1), {4});
    vm.policy.smt = SmtChoice::isolate;
    const auto plan = plan_on(host, {vm});
    EXPECT_EQ(vcpu_cpus(plan.domains[0]), cpus("4"));
    EXPECT_FALSE(plan.housekeeping.contains(CpuId{0})) << plan.housekeeping.str();
    EXPECT_FALSE(plan.housekeeping.empty());
}

// Of its two CPUs, housekeeping has one and somebody else the other. It has no place without both,
// and stays there all the same.
TEST(Housekeeping, LeavesNobodyTheCpusOnWhichOneStaysThatHasNoPlace)
{
    const auto host = two_io_nodes();
    auto stays = running_on(domain("stays", 2), {0, 5});
    stays.policy.cpus = cpus("0,5");
    stays.policy.fallback = Fallback::fail;
    auto theirs = running_on(domain("theirs", 1), {5});
    theirs.stance = Stance::foreign;
    const auto plan = plan_on(host, {stays, theirs, at_node(threaded("game", 4), 0)});
    EXPECT_EQ(plan.domains[0].placement, Placement::none);
    EXPECT_FALSE(vcpu_cpus(plan.domains[2]).intersects(cpus("0,5")));
    EXPECT_EQ(plan.housekeeping, cpus("0,4,8,12"));
}

// Found at random: the search for the fleet moved a newcomer off CPU 1 after housekeeping had left
// it, and nobody was there.
TEST(Housekeeping, KeepsWhatTheSearchLeavesFree)
{
    const std::vector<std::pair<std::vector<std::uint32_t>, std::uint32_t>> cores{
        {{0, 1}, 0}, {{2}, 0},     {{3, 4}, 0},   {{5}, 1},     {{6, 7}, 1},
        {{8}, 2},    {{9, 10}, 2}, {{11, 12}, 3}, {{13, 14}, 3}};
    std::vector<CoreSpec> specs;
    for (const auto& [numbers, node] : cores) {
        specs.push_back({.cpus = numbers, .package = node / 2, .node = node, .l3 = node / 2});
    }
    auto host = host_of_cores(specs);
    host.nohz_full = cpus("0");
    auto mixed = domain("mixed", 2);
    mixed.vcpus_online = VcpuSet::range(0, 0);
    mixed.floating = VcpuSet::range(1, 1);
    mixed.policy.dedicated_vcpus = mixed.vcpus_online;
    mixed.policy.priority = 1;
    auto large = domain("large", 5);
    large.policy.cpus = cpus("0-3,6-10,12-14");
    large.policy.emulator.mode = ThreadChoice::Mode::own;
    large.policy.iothreads.mode = ThreadChoice::Mode::automatic;
    large.cells = {{.vcpus = VcpuSet::range(0, 0)}, {.vcpus = VcpuSet::range(1, 4)}};
    const PlanRequest request{
        .topology = &host, .usable = cpus("0-1,3-6,8-11,13"), .intents = {mixed, large}};
    const auto plan = make_plan(request);
    EXPECT_EQ(check_plan(request, plan), std::vector<std::string>{});
    for (const auto cpu : plan.yielded) {
        EXPECT_TRUE(plan.domains[1].claim.contains(cpu) || plan.domains[0].claim.contains(cpu))
            << plan.yielded.str() << " for " << plan.domains[1].claim.str();
    }
}

// Found at random: every core is needed to have one vCPU on each but for one of seven, and the
// smallest cores are not those whose keeping costs least.
TEST(Housekeeping, KeepsTheCoreThatCostsLeastOfAll)
{
    const auto host = host_of_cores({{.cpus = {0, 5}, .node = 1, .l3 = 1},
                                     {.cpus = {1, 7}, .package = 1, .node = 2, .l3 = 2},
                                     {.cpus = {2, 9}, .package = 1, .node = 2, .l3 = 2},
                                     {.cpus = {3, 11}, .package = 1, .node = 3, .l3 = 3},
                                     {.cpus = {4, 10}, .node = 1, .l3 = 1},
                                     {.cpus = {6}},
                                     {.cpus = {8}}});
    auto vm = domain("vm", 7);
    vm.policy.smt = SmtChoice::spread;
    const auto plan = plan_on(host, {vm});
    EXPECT_EQ(plan.housekeeping, cpus("3,11"));
    EXPECT_EQ(plan.domains.front().cost[CostTerm::nodes], 3U);
}

} // namespace
} // namespace virtpind::test
