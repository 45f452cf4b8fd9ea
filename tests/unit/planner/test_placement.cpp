// SPDX-License-Identifier: LGPL-2.1-or-later
// Which CPUs a dedicated domain gets: cores, threads, caches and kinds.
#include "tests/support/plan_case.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace virtpind::test {
namespace {

TEST(Placement, GuestOfOneCcdGetsTheOtherCcdWithSiblingsInOrder)
{
    const auto plan = plan_on(ryzen(), {threaded("win11", 6)});
    EXPECT_EQ(plan.housekeeping, cpus("0,12"));
    EXPECT_EQ(plan.pool, cpus("1-5,13-17"));
    const auto& win11 = plan.domains.front();
    EXPECT_EQ(win11.placement, Placement::dedicated);
    EXPECT_EQ(win11.claim, cpus("6-11,18-23"));
    for (std::uint32_t core = 0; core < 6; ++core) {
        EXPECT_EQ(win11.vcpus.at(VcpuId{2 * core}), CpuSet{CpuId{6 + core}});
        EXPECT_EQ(win11.vcpus.at(VcpuId{2 * core + 1}), CpuSet{CpuId{18 + core}});
    }
    EXPECT_EQ(win11.emulator, cpus("0,12"));
    EXPECT_TRUE(win11.optimal);
    const Cost expected{{CostTerm::nodes, 1},
                        {CostTerm::packages, 1},
                        {CostTerm::l3, 1},
                        {CostTerm::fragmented_l3s, 1},
                        {CostTerm::fragmented_cores, 6}};
    EXPECT_EQ(win11.cost, expected);
    EXPECT_TRUE(says(win11, ReasonCode::fits_one_l3));
}

TEST(Placement, AdjacentNumberingIsFollowed)
{
    const auto host = regular_host({.cores = 4, .numbering = test::Numbering::adjacent});
    const auto plan = plan_on(host, {threaded("vm", 2)});
    EXPECT_EQ(plan.domains.front().vcpus.at(VcpuId{0}), cpus("2"));
    EXPECT_EQ(plan.domains.front().vcpus.at(VcpuId{1}), cpus("3"));
}

TEST(Placement, OddVcpusAreChargedWholeCores)
{
    auto vm = domain("vm", 3);
    vm.policy.smt = SmtChoice::require;
    EXPECT_EQ(plan_on(ryzen(), {vm}).domains.front().claim.size(), 4U);
    vm.policy.smt = SmtChoice::isolate;
    const auto isolated = plan_on(ryzen(), {vm}).domains.front();
    EXPECT_EQ(isolated.claim.size(), 6U);
    EXPECT_EQ(vcpu_cpus(isolated).size(), 3U);
}

TEST(Placement, SpreadLeavesTheSiblingsUsable)
{
    auto vm = domain("vm", 3);
    vm.policy.smt = SmtChoice::spread;
    const auto plan = plan_on(ryzen(), {vm}).domains.front();
    EXPECT_EQ(plan.claim.size(), 3U);
    EXPECT_EQ(plan.cost[CostTerm::partial_cores], 3U);
}

TEST(Placement, OfflineVcpusWaitOnTheClaimOfTheDomain)
{
    auto vm = domain("vm", 2);
    vm.vcpus_max = 4;
    const auto plan = plan_on(ryzen(), {vm}).domains.front();
    EXPECT_EQ(plan.vcpus.at(VcpuId{3}), plan.claim);
    EXPECT_EQ(plan.online, VcpuSet::range(0, 1));
}

TEST(Placement, MatchedTopologyGetsEqualPartsOfL3sAndNodes)
{
    const auto host = regular_host({.packages = 2, .l3s = 2, .cores = 4});
    auto vm = threaded("vm", 6); // an L3 holds 8 vCPUs, a node 16
    const auto on_l3 = [&](const DomainPlan& plan, std::size_t l3) {
        return plan.claim.common(host.l3s[l3].cpus);
    };
    auto plan = plan_on(host, {vm}, CpuSet{}).domains[0];
    EXPECT_EQ(std::max(on_l3(plan, 0), on_l3(plan, 1)), 8U);
    vm.policy.topology = TopologyChoice::match;
    plan = plan_on(host, {vm}, CpuSet{}).domains[0];
    EXPECT_EQ(on_l3(plan, 0), 6U);
    EXPECT_EQ(on_l3(plan, 1), 6U);
    EXPECT_TRUE(plan.optimal);
    auto wide = threaded("wide", 12);
    wide.policy.topology = TopologyChoice::match;
    const auto big_l3s = regular_host({.packages = 2, .cores = 8});
    plan = plan_on(big_l3s, {wide}, CpuSet{}).domains[0];
    EXPECT_EQ(plan.claim.common(big_l3s.nodes[0].cpus), 12U);
}

TEST(Placement, PinsInAnotherOrderOnTheSameCpusAreProven)
{
    auto vm = running_on(threaded("vm", 3), {3, 4, 5, 9, 10, 11}); // siblings are N and N+6
    vm.activity = Activity::arriving;
    const auto plan = plan_on(regular_host({.cores = 6}), {vm}).domains[0];
    for (std::uint32_t core = 0; core < 3; ++core) {
        EXPECT_EQ(plan.vcpus.at(VcpuId{2 * core}), CpuSet{CpuId{3 + core}});
        EXPECT_EQ(plan.vcpus.at(VcpuId{2 * core + 1}), CpuSet{CpuId{9 + core}});
    }
    EXPECT_EQ(plan.cost[CostTerm::moves], 0U) << "it leaves no CPU that it has";
    EXPECT_TRUE(plan.optimal);
}

TEST(Placement, DomainThatKeepsSomeOfItsCpusIsProven)
{
    auto vm = running_on(threaded("vm", 2), {0, 1, 8, 13}); // 0 is housekeeping, 13 in the other L3
    vm.activity = Activity::arriving;
    const auto plan = plan_on(ryzen(), {vm}).domains[0];
    EXPECT_GT(plan.cost[CostTerm::moves], 0U);
    EXPECT_TRUE(plan.optimal);
}

TEST(Placement, SmallDomainsLeaveTheLastFreeL3sToThoseWhoFillThem)
{
    const auto host = regular_host({.l3s = 4, .cores = 4, .threads = 1}); // housekeeping is 0
    const auto first = running_on(domain("first", 2), {4, 5});
    const auto second = running_on(domain("second", 2), {8, 9});
    EXPECT_EQ(vcpu_cpus(plan_on(host, {first, domain("vm", 2)}).domains[1]), cpus("8-9"));
    const auto plan = plan_on(host, {first, second, domain("vm", 2)});
    EXPECT_EQ(vcpu_cpus(plan.domains[2]), cpus("6-7"));
    EXPECT_TRUE(plan.domains[2].optimal);
    EXPECT_EQ(vcpu_cpus(plan_on(host, {first, second, domain("vm", 4)}).domains[2]), cpus("12-15"));
    const auto two_l3s = regular_host({.l3s = 2, .cores = 4, .threads = 1});
    EXPECT_EQ(vcpu_cpus(plan_on(two_l3s, {domain("vm", 2)}).domains[0]), cpus("4-5"));
}

TEST(Placement, DomainThatDoesNotFitFloatsOrIsLeftAlone)
{
    auto vm = domain("vm", 30);
    EXPECT_EQ(plan_on(ryzen(), {vm}).domains.front().placement, Placement::shared);
    vm.policy.fallback = Fallback::fail;
    const auto plan = plan_on(ryzen(), {vm}).domains.front();
    EXPECT_EQ(plan.placement, Placement::none);
    EXPECT_FALSE(plan.satisfied);
    EXPECT_TRUE(says(plan, ReasonCode::no_room));
}

TEST(CoreKinds, DoNotMixAndEfficiencyCoresServeTheEmulator)
{
    const auto host = hybrid_host(6, 8); // 0-11, 12-19
    const auto plan = plan_on(host, {threaded("win11", 5), domain("db", 6)});
    EXPECT_EQ(plan.housekeeping, cpus("0-1,12"));
    EXPECT_EQ(plan.domains[0].claim, cpus("2-11"));
    EXPECT_EQ(plan.domains[0].emulator, cpus("12"));
    EXPECT_EQ(plan.domains[1].claim, cpus("13-18"));
    EXPECT_EQ(plan.domains[1].cost[CostTerm::kind], 6U);
}

TEST(CoreKinds, DomainThatMustTakeAnotherKindIsPlacedAfterThoseThatPreferIt)
{
    const auto host = hybrid_host(6, 8); // 0-11, 12-19; housekeeping 0-1,12
    auto small = domain("batch", 9);     // there are seven efficiency cores for it
    small.policy.cores = CoreChoice::efficiency;
    const auto plan = plan_on(host, {small, threaded("game", 4)});
    EXPECT_TRUE(plan.domains[1].satisfied);
    EXPECT_TRUE(cpus("2-11").includes(plan.domains[1].claim)) << plan.domains[1].claim.str();
    EXPECT_FALSE(plan.domains[0].satisfied);
    EXPECT_EQ(plan_on(host, {small}).domains[0].placement, Placement::dedicated)
        << "alone it may have the others";
}

TEST(CoreKinds, AreNeverCrossedSilently)
{
    const auto host = hybrid_host(8, 16); // 0-15, 16-31; housekeeping 0-1,16
    auto vm = domain("vm", 15);           // there are 14 performance CPUs for it
    auto plan = plan_on(host, {vm}, cpus("0-1,16")).domains[0];
    EXPECT_EQ(plan.placement, Placement::dedicated);
    EXPECT_EQ(plan.cost[CostTerm::kind], 15U);
    EXPECT_FALSE(plan.satisfied);
    EXPECT_TRUE(says(plan, ReasonCode::kind_missed, {{"unwished", std::uint64_t{15}}}));
    EXPECT_TRUE(says(plan, ReasonCode::to_do_better, {{"spare", cpus("16")}}));
    vm.policy.fallback = Fallback::fail;
    plan = plan_on(host, {vm}, cpus("0-1,16")).domains[0];
    EXPECT_EQ(plan.placement, Placement::none);
    EXPECT_TRUE(says(plan, ReasonCode::no_kind));
    vm.policy.cores = CoreChoice::any;
    EXPECT_TRUE(plan_on(host, {vm}, cpus("0-1,16")).domains[0].satisfied);
}

TEST(CoreKinds, AdviceLeadsToNoOtherKind)
{
    auto vm = domain("vm", 16); // too many for either kind
    const auto plan = plan_on(hybrid_host(8, 16), {vm}, cpus("0-1,16")).domains[0];
    EXPECT_EQ(plan.placement, Placement::shared);
    EXPECT_TRUE(says(plan, ReasonCode::to_do_better, {{"most", std::uint64_t{14}}}));
}

// What nobody can be placed for holds nobody in place: it floated on this CPU, and still does.
TEST(Placement, RunningDomainThatNeedsSiblingsDoesNotStayOnAHostWithoutAny)
{
    const auto host = regular_host({.cores = 4, .threads = 1});
    auto vm = domain("vm", 2);
    vm.topology = GuestTopology{.cores = 1, .threads = 2};
    vm.policy.smt = SmtChoice::require;
    EXPECT_EQ(plan_on(host, {vm}, CpuSet{}).domains[0].placement, Placement::shared);
    EXPECT_EQ(plan_on(host, {running_on(vm, {1, 2})}, CpuSet{}).domains[0].placement,
              Placement::shared);
}

TEST(CoreKinds, RunningDomainOnAnotherKindStaysAndIsNotSatisfied)
{
    const auto host = hybrid_host(4, 8); // 0-7, 8-15
    auto vm = running_on(domain("vm", 2), {12, 13});
    auto plan = plan_on(host, {vm}).domains[0];
    EXPECT_EQ(plan.claim, cpus("12-13"));
    EXPECT_FALSE(plan.satisfied);
    vm.policy.fallback = Fallback::fail;
    plan = plan_on(host, {vm}).domains[0];
    EXPECT_EQ(plan.cost[CostTerm::kind], 0U);
    EXPECT_TRUE(plan.satisfied);
}

// Two performance cores of two threads, four efficiency cores and two low-power ones, which have
// the lowest numbers.
Topology with_low_power()
{
    std::vector<CoreSpec> specs{{.cpus = {0}, .l3 = 1, .core_class = CoreClass::low_power},
                                {.cpus = {1}, .l3 = 1, .core_class = CoreClass::low_power},
                                {.cpus = {2, 3}, .core_class = CoreClass::performance},
                                {.cpus = {4, 5}, .core_class = CoreClass::performance}};
    for (std::uint32_t cpu = 6; cpu < 10; ++cpu) {
        specs.push_back({.cpus = {cpu}, .core_class = CoreClass::efficiency});
    }
    return host_of_cores(std::move(specs));
}

TEST(CoreKinds, LowPowerCoresAreUsedLast)
{
    const auto host = with_low_power();
    auto vm = domain("vm", 8);
    vm.policy.cores = CoreChoice::any;
    auto plan = plan_on(host, {vm}, CpuSet{}).domains[0];
    EXPECT_EQ(plan.claim, cpus("2-9"));
    EXPECT_TRUE(plan.optimal);
    vm = domain("vm", 9);
    vm.policy.cores = CoreChoice::any;
    plan = plan_on(host, {vm}, CpuSet{}).domains[0];
    EXPECT_EQ(plan.cost[CostTerm::low_power], 1U);
    EXPECT_TRUE(plan.satisfied);
    EXPECT_TRUE(plan.optimal);
}

// A sibling rather than a second low-power core, which smt=spread would have for itself.
TEST(CoreKinds, LowPowerCoresAreNoCoresToSpreadOver)
{
    const auto host = with_low_power();
    auto vm = domain("vm", 7);
    vm.policy.cores = CoreChoice::any;
    vm.policy.smt = SmtChoice::spread;
    const auto plan = plan_on(host, {vm}, cpus("5,9")).domains[0];
    EXPECT_EQ(plan.cost[CostTerm::low_power], 1U);
    EXPECT_EQ(plan.cost[CostTerm::doubled], 1U);
    EXPECT_TRUE(plan.optimal);
}

// Eight performance cores (0-15), and sixteen efficiency cores of which four share an L2.
Topology with_clusters()
{
    auto host = hybrid_host(8, 16);
    for (std::uint32_t cpu = 0; cpu < 16; cpu += 2) {
        host.caches.push_back({.level = 2, .cpus = CpuSet::range(cpu, cpu + 1)});
    }
    for (std::uint32_t cpu = 16; cpu < 32; cpu += 4) {
        host.caches.push_back({.level = 2, .cpus = CpuSet::range(cpu, cpu + 3)});
    }
    return host;
}

TEST(Clusters, AreNotSplitWithoutNeed)
{
    auto vm = domain("vm", 8);
    vm.policy.cores = CoreChoice::efficiency;
    auto plan = plan_on(with_clusters(), {vm}, cpus("0-1,16")).domains[0]; // housekeeping 16
    EXPECT_EQ(plan.claim, cpus("20-27"));
    EXPECT_EQ(plan.cost[CostTerm::l2], 2U);
    EXPECT_TRUE(plan.optimal);
    vm = domain("vm", 3);
    vm.policy.cores = CoreChoice::efficiency;
    plan = plan_on(with_clusters(), {vm}, cpus("0-1,16")).domains[0];
    EXPECT_EQ(plan.claim, cpus("17-19")) << "one that is broken already, and suffices";
    EXPECT_EQ(plan.cost[CostTerm::fragmented_l2s], 0U);
    EXPECT_EQ(plan_on(with_clusters(), {threaded("game", 4)}).domains[0].cost[CostTerm::l2], 0U);
}

TEST(CoreKinds, SharedDomainsFloatOnLowPowerCoresLast)
{
    auto vm = shared("vm", 8);
    vm.policy.cores = CoreChoice::any;
    EXPECT_EQ(vcpu_cpus(plan_on(with_low_power(), {vm}, CpuSet{}).domains[0]), cpus("2-9"));
    vm = shared("vm", 9);
    vm.policy.cores = CoreChoice::any;
    EXPECT_EQ(vcpu_cpus(plan_on(with_low_power(), {vm}, CpuSet{}).domains[0]), cpus("0-9"));
}

TEST(L3, VcacheIsPreferredWhereTheDomainFits)
{
    auto host = regular_host({.l3s = 2, .cores = 8});
    host.l3s[0].vcache = true;
    host.l3s[0].size_bytes *= 3;
    const auto small = plan_on(host, {threaded("game", 7)}).domains.front();
    EXPECT_EQ(small.claim, cpus("1-7,17-23"));
    EXPECT_TRUE(says(small, ReasonCode::vcache_chosen));
    EXPECT_EQ(plan_on(host, {threaded("game", 8)}, cpus("0,16")).domains.front().claim,
              cpus("8-15,24-31"));
}

TEST(L3, PackTakesTheOneThatFitsBest)
{
    const auto host = regular_host({.l3s = 2, .cores = 4, .threads = 1});
    const auto other = running_on(domain("o", 3), {4, 5, 6});
    auto vm = domain("n", 1);
    vm.policy.cache = CacheChoice::pack;
    EXPECT_EQ(plan_on(host, {other, vm}, cpus("0")).domains[1].claim, cpus("7"));
}

TEST(L3, PackLeavesTheVcacheToOthersAndAMissedVcacheIsTold)
{
    auto host = regular_host({.l3s = 2, .cores = 4});
    host.l3s[1].vcache = true;
    auto packed = domain("packed", 2);
    packed.policy.cache = CacheChoice::pack;
    const auto plan = plan_on(host, {packed, domain("game", 6)}, CpuSet{});
    EXPECT_TRUE(says(plan.domains[1], ReasonCode::vcache_chosen));
    EXPECT_FALSE(says(plan.domains[1], ReasonCode::vcache_missed));
    EXPECT_FALSE(plan.domains[0].claim.intersects(host.l3s[1].cpus));
    const auto other = running_on(domain("other", 8), {4, 12, 5, 13, 6, 14, 7, 15});
    const auto missed = plan_on(host, {other, domain("game", 6)}, CpuSet{}).domains[1];
    EXPECT_TRUE(says(missed, ReasonCode::vcache_missed));
    EXPECT_TRUE(says(missed, ReasonCode::to_do_better));
}

} // namespace
} // namespace virtpind::test
