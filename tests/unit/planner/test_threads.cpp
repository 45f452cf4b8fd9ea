// SPDX-License-Identifier: LGPL-2.1-or-later
// Where the emulator and the I/O threads of a domain run.
#include "tests/support/plan_case.hpp"

#include <gtest/gtest.h>

namespace virtpind::test {
namespace {

TEST(Threads, CachePassthroughOnUnlikeCachesStartsTheEmulatorOnTheVcpusCpus)
{
    auto host = regular_host({.l3s = 2, .cores = 8});
    host.l3s[0].size_bytes *= 3;
    auto vm = threaded("game", 4);
    vm.policy.tune = {Tune::cache_passthrough};
    const auto plan = plan_on(host, {vm}).domains.front();
    ASSERT_TRUE(plan.start_emulator.has_value());
    EXPECT_EQ(*plan.start_emulator, vcpu_cpus(plan));
    EXPECT_EQ(plan.emulator, cpus("0,16"));
}

TEST(Threads, OfDomainsThatFloatFloatWithThem)
{
    auto floats = domain("floats", 2);
    floats.policy.placement = Placement::shared;
    floats.iothreads = {IothreadId{1}};
    const auto plan = plan_on(ryzen(), {floats}).domains[0];
    EXPECT_EQ(plan.emulator, vcpu_cpus(plan));
    EXPECT_EQ(plan.iothreads.at(IothreadId{1}), vcpu_cpus(plan));
}

TEST(Threads, StayOnTheNodeThatHasNoHousekeeping)
{
    auto vm = domain("vm", 4);
    vm.devices = {{.label = "gpu", .nodes = {NodeId{1}}}};
    const auto host = two_nodes();
    const auto near = plan_on(host, {vm}, cpus("0,8")).domains[0];
    EXPECT_EQ(host.nodes_of(near.emulator), NodeSet{NodeId{1}});
    EXPECT_FALSE(near.emulator.intersects(near.claim));
    vm.vcpus_max = 8;
    vm.vcpus_online = VcpuSet::range(0, 7);
    const auto far = plan_on(host, {vm}, cpus("0,8")).domains[0];
    EXPECT_EQ(far.emulator, cpus("0,8"));
    EXPECT_TRUE(
        says(far, ReasonCode::emulator_housekeeping,
             {{"why", ReasonPhrase::housekeeping_elsewhere}, {"nodes", NodeSet{NodeId{0}}}}));
}

TEST(Threads, StayInThePackageOfAFullNode)
{
    const auto host = regular_host({.packages = 2, .nodes = 2, .cores = 4, .threads = 1});
    auto vm = domain("vm", 4);
    vm.policy.cpus = cpus("12-15");
    EXPECT_EQ(plan_on(host, {vm}, CpuSet{}).domains[0].emulator, cpus("8-11"));
}

TEST(Threads, OfADormantDomainKeepOffItsOwnClaim)
{
    auto off = domain("off", 8);
    off.activity = Activity::dormant;
    off.devices = {{.label = "0000:81:00.0", .nodes = {NodeId{1}}}};
    off.iothreads = {IothreadId{1}};
    const auto whole = plan_on(two_nodes(), {off}, cpus("0,8")).domains.front();
    EXPECT_EQ(whole.claim, cpus("4-7,12-15"));
    EXPECT_EQ(whole.emulator, cpus("0,8"));
    EXPECT_EQ(whole.iothreads.at(IothreadId{1}), cpus("0,8"));
    off.vcpus_max = 4;
    off.vcpus_online = VcpuSet::range(0, 3);
    off.policy.cache = CacheChoice::alone;
    const auto half = plan_on(two_nodes(), {off}, cpus("0,8")).domains.front();
    EXPECT_EQ(half.claim, cpus("4-5,12-13"));
    EXPECT_EQ(half.emulator, cpus("6-7,14-15"));
    EXPECT_TRUE(says(half, ReasonCode::l3_alone, {{"pool", cpus("6-7,14-15")}}));
}

TEST(FixedThreads, OnTheClaimOfAnotherDomainAreToldToBoth)
{
    auto owner = domain("owner", 2);
    owner.policy.cpus = cpus("6,18");
    auto guest = domain("guest", 2);
    guest.policy.emulator = {.mode = ThreadChoice::Mode::fixed, .cpus = cpus("6-7")};
    const auto plan = plan_on(ryzen(), {owner, guest});
    EXPECT_EQ(plan.domains[1].emulator, cpus("6-7"));
    EXPECT_TRUE(says(plan.domains[0], ReasonCode::claim_has_threads));
    EXPECT_FALSE(says(plan.domains[0], ReasonCode::threads_on_claim));
    EXPECT_TRUE(says(plan.domains[1], ReasonCode::threads_on_claim));
    EXPECT_FALSE(says(plan.domains[1], ReasonCode::claim_has_threads));
}

TEST(FixedThreads, OnOfflineCpusRunOnHousekeepingAndAreTold)
{
    auto host = ryzen();
    host.cpus[5].online = false;
    auto vm = domain("vm", 2);
    vm.policy.emulator = {.mode = ThreadChoice::Mode::fixed, .cpus = cpus("5")};
    const auto plan = plan_on(host, {vm}).domains.front();
    EXPECT_EQ(plan.emulator, cpus("0,12"));
    EXPECT_TRUE(says(plan, ReasonCode::fixed_cpus_unusable));
}

TEST(OwnCores, EmulatorAndIothreadsGetACoreEach)
{
    auto vm = threaded("vm", 2);
    vm.iothreads = {IothreadId{1}, IothreadId{2}};
    vm.policy.emulator.mode = ThreadChoice::Mode::own;
    vm.policy.iothreads.mode = ThreadChoice::Mode::own;
    const auto plan = plan_on(ryzen(), {vm}).domains.front();
    EXPECT_EQ(plan.emulator.size(), 2U);
    EXPECT_FALSE(plan.emulator.intersects(vcpu_cpus(plan)));
    EXPECT_FALSE(plan.emulator.intersects(plan.iothreads.at(IothreadId{1})));
    EXPECT_EQ(plan.claim.size(), 8U);
}

TEST(OwnCores, HalfACoreIsNotEnough)
{
    const auto host = regular_host({.cores = 2, .numbering = test::Numbering::adjacent});
    auto vm = domain("vm", 1);
    vm.policy.emulator.mode = ThreadChoice::Mode::own;
    const auto denied = plan_on(host, {vm}).domains.front();
    EXPECT_FALSE(denied.satisfied);
    EXPECT_TRUE(says(denied, ReasonCode::no_own_core));
    const auto larger = regular_host({.cores = 3, .numbering = test::Numbering::adjacent});
    vm.policy.cpus = cpus("2,4");
    const auto given = plan_on(larger, {vm}).domains.front();
    EXPECT_EQ(given.vcpus.at(VcpuId{0}), cpus("2"));
    EXPECT_EQ(given.emulator, cpus("4"));
    EXPECT_EQ(given.claim, cpus("2,4-5"));
}

TEST(OwnCores, CoreThatWasOnlyTriedIsGivenBack)
{
    const auto host = regular_host({.cores = 4, .threads = 1});
    auto vm = domain("vm", 2);
    vm.iothreads = {IothreadId{1}};
    vm.policy.emulator.mode = ThreadChoice::Mode::own;
    vm.policy.iothreads.mode = ThreadChoice::Mode::own; // there is a core for one of the two
    for (const auto activity : {Activity::arriving, Activity::running, Activity::dormant}) {
        vm.activity = activity;
        const auto plan = plan_on(host, {vm}, cpus("0")).domains.front();
        EXPECT_EQ(plan.placement, Placement::shared);
        EXPECT_TRUE(plan.claim.empty());
        EXPECT_EQ(plan.emulator, vcpu_cpus(plan)) << "it floats with them";
        EXPECT_FALSE(says(plan, ReasonCode::emulator_own));
        EXPECT_TRUE(says(plan, ReasonCode::own_core_denied));
    }
}

TEST(OwnCores, VcpusLeaveTheLastWholeCoreToThreadsThatNeedOne)
{
    const auto host =
        regular_host({.packages = 2, .cores = 2, .numbering = test::Numbering::adjacent});
    auto other = domain("other", 1);
    other.policy.cpus = cpus("2");
    auto vm = domain("vm", 1);
    vm.policy.emulator.mode = ThreadChoice::Mode::own;
    vm.devices = {{.label = "0000:81:00.0", .nodes = {NodeId{1}}}}; // where that core is
    const auto plan = plan_on(host, {other, vm}, cpus("0,6-7")).domains.back();
    EXPECT_EQ(plan.placement, Placement::dedicated);
    EXPECT_TRUE(plan.satisfied);
    EXPECT_EQ(plan.emulator, cpus("4-5"));
    EXPECT_FALSE(plan.optimal) << "that is not proven";
    vm.iothreads = {IothreadId{1}};
    vm.policy.iothreads.mode = ThreadChoice::Mode::own;
    EXPECT_TRUE(
        says(plan_on(host, {other, vm}, cpus("0,6-7")).domains.back(), ReasonCode::no_own_core))
        << "there is one only";
}

TEST(OwnCores, CpuWhoseSiblingNobodyMayUseCountsAsAWholeCore)
{
    auto host = regular_host({.cores = 3, .numbering = test::Numbering::adjacent});
    host.cpus.front().allowed = false;
    auto vm = domain("vm", 2);
    vm.policy.smt = SmtChoice::isolate; // takes both whole cores
    vm.policy.emulator.mode = ThreadChoice::Mode::own;
    const auto plan = plan_on(host, {vm}, CpuSet{}).domains.front();
    EXPECT_TRUE(plan.satisfied);
    EXPECT_EQ(plan.emulator, cpus("1"));
}

TEST(OwnCores, HalfACoreIsKeptOnlyByADomainThatStaysInItsPlace)
{
    const auto host = regular_host({.cores = 3, .numbering = test::Numbering::adjacent});
    auto vm = domain("vm", 1);
    vm.policy.smt = SmtChoice::require;
    vm.policy.emulator.mode = ThreadChoice::Mode::own;
    vm.activity = Activity::running;
    vm.current.emulator = cpus("4");
    vm.current.vcpus[VcpuId{0}] = cpus("2-4"); // floats, as there is no whole core beside its own
    EXPECT_EQ(plan_on(host, {vm}, cpus("0-1,5")).domains.front().placement, Placement::shared);
    vm.current.vcpus[VcpuId{0}] = cpus("2");
    const auto stays = plan_on(host, {vm}, cpus("0-1,5")).domains.front();
    EXPECT_EQ(stays.placement, Placement::dedicated);
    EXPECT_EQ(stays.emulator, cpus("4"));
}

// The nearest core that is whole would leave too few CPUs; the single one leaves enough.
TEST(OwnCores, SmallestIsTakenWhereTheNearestLeavesTooFewCpus)
{
    const auto host = host_of_cores(
        {{.cpus = {0, 1}}, {.cpus = {2, 3}}, {.cpus = {4, 5}}, {.cpus = {6}}, {.cpus = {7, 8}}});
    auto vm = domain("vm", 5);
    vm.policy.emulator.mode = ThreadChoice::Mode::own;
    const auto plan =
        plan_on(host, {running_on(domain("other", 1), {3}), vm}, cpus("0-1")).domains.back();
    EXPECT_EQ(plan.placement, Placement::dedicated);
    EXPECT_EQ(plan.emulator, cpus("6"));
}

} // namespace
} // namespace virtpind::test
