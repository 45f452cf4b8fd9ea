// SPDX-License-Identifier: LGPL-2.1-or-later
// Where shared domains float.
#include "tests/support/plan_case.hpp"

#include <gtest/gtest.h>

namespace virtpind::test {
namespace {

TEST(SharedPool, DomainsBalanceOverNodes)
{
    auto host = two_nodes();
    std::vector<Intent> intents{domain("a", 4), domain("b", 4), domain("c", 4), domain("d", 4)};
    for (auto& intent : intents) {
        intent.policy.placement = Placement::shared;
    }
    const auto plan = plan_on(host, intents, CpuSet{});
    EXPECT_EQ(plan.domains[0].vcpus.at(VcpuId{0}), host.nodes[0].cpus);
    EXPECT_EQ(plan.domains[1].vcpus.at(VcpuId{0}), host.nodes[1].cpus);
    EXPECT_EQ(plan.domains[2].vcpus.at(VcpuId{0}), host.nodes[0].cpus);
    EXPECT_EQ(plan.domains[3].vcpus.at(VcpuId{0}), host.nodes[1].cpus);
}

TEST(SharedPool, RunningDomainStaysWithItsMemory)
{
    auto host = regular_host({.packages = 2, .cores = 4, .threads = 1});
    host.nodes[0].memory_kib = 2048;
    host.nodes[1].memory_kib = 0;
    auto vm = shared("vm", 2);
    vm.memory_kib = 2048;
    auto owner = domain("owner", 3); // one CPU of node 0 is left
    owner.policy.cpus = cpus("0-2");
    const auto first = plan_on(host, {vm, owner}, CpuSet{});
    EXPECT_EQ(vcpu_cpus(first.domains[0]), cpus("3-7"));
    vm.activity = Activity::running;
    vm.current.vcpus = first.domains[0].vcpus;
    const auto second = plan_on(host, {vm, running_on(owner, {0, 1, 2})}, CpuSet{});
    EXPECT_EQ(vcpu_cpus(second.domains[0]), cpus("3-7"));
}

// Pinned beside nodes with memory, it has that on one of them, whichever the pool has CPUs of.
TEST(SharedPool, RunningDomainHasNoMemoryOnANodeWithoutAny)
{
    auto host = regular_host({.packages = 1, .nodes = 3, .cores = 4, .threads = 1});
    host.nodes[0].memory_kib = 4096;
    host.nodes[1].memory_kib = 0;
    host.nodes[2].memory_kib = 1024;
    auto vm = running_on(shared("vm", 1), {4});
    vm.memory_kib = 2048;
    auto owner = domain("owner", 4);
    owner.policy.cpus = cpus("0-3");
    const auto first = plan_on(host, {vm, owner}, CpuSet{}).domains[0];
    EXPECT_FALSE(first.satisfied);
    EXPECT_FALSE(first.numatune->nodes.contains(NodeId{1}));
    vm.current.vcpus = first.vcpus;
    vm.memory_nodes = first.numatune->nodes;
    const auto second = plan_on(host, {vm, running_on(owner, {0, 1, 2, 3})}, CpuSet{}).domains[0];
    EXPECT_EQ(vcpu_cpus(second), vcpu_cpus(first));
    EXPECT_EQ(second.numatune->nodes, first.numatune->nodes);
}

TEST(SharedPool, DomainIsNotSatisfiedOutsideOfItsCpus)
{
    auto vm = shared("s", 2);
    vm.policy.cpus = cpus("0,12"); // housekeeping
    const auto floats = plan_on(ryzen(), {vm}).domains.front();
    EXPECT_EQ(floats.placement, Placement::shared);
    EXPECT_FALSE(floats.satisfied);
    EXPECT_TRUE(says(floats, ReasonCode::cpus_not_in_pool));
    vm.policy.fallback = Fallback::fail;
    const auto untouched = plan_on(ryzen(), {vm}).domains.front();
    EXPECT_EQ(untouched.placement, Placement::none);
    EXPECT_FALSE(untouched.satisfied);
    EXPECT_TRUE(says(untouched, ReasonCode::left_untouched));
    vm.policy.cpus = cpus("0,1,12");
    EXPECT_EQ(vcpu_cpus(plan_on(ryzen(), {vm}).domains.front()), cpus("1"));
}

TEST(SharedPool, DomainLargerThanANodeFloatsOnNearOnes)
{
    auto host = regular_host({.packages = 2, .nodes = 2, .cores = 4, .threads = 1});
    for (const auto& [a, b] : {std::pair{0U, 1U}, std::pair{2U, 3U}}) {
        host.distance[a][b] = host.distance[b][a] = 11;
    }
    auto vm = domain("vm", 7); // two nodes, but not that of housekeeping
    vm.policy.placement = Placement::shared;
    auto other = vm;
    other.uuid = DomainUuid{"other"};
    const auto plan = plan_on(host, {vm, other}, cpus("0-1"));
    EXPECT_EQ(vcpu_cpus(plan.domains[0]), cpus("8-15"));
    EXPECT_EQ(vcpu_cpus(plan.domains[1]), cpus("8-15")); // rather than on nodes of two packages
    const auto untold = regular_host({.packages = 2, .nodes = 2, .cores = 4, .threads = 1});
    EXPECT_EQ(vcpu_cpus(plan_on(untold, {vm}, cpus("0-1")).domains[0]), cpus("8-15"));
}

TEST(SharedPool, NearestNodeIsTakenWhereThatOfTheDevicesIsFull)
{
    const auto host = regular_host({.packages = 2, .nodes = 2, .cores = 4, .threads = 1});
    auto hog = domain("hog", 4);
    hog.policy.cpus = cpus("12-15");
    auto vm = shared("s", 2);
    vm.devices = {{.label = "0000:81:00.0", .nodes = {NodeId{3}}}};
    EXPECT_EQ(vcpu_cpus(plan_on(host, {hog, vm}, CpuSet{}).domains[1]), cpus("8-11"));
    vm.policy.device = DeviceChoice::require;
    EXPECT_EQ(vcpu_cpus(plan_on(host, {vm}, CpuSet{}).domains[0]), cpus("12-15"));
    const auto floats = plan_on(host, {hog, vm}, CpuSet{}).domains[1];
    EXPECT_FALSE(floats.satisfied);
    EXPECT_TRUE(says(floats, ReasonCode::devices_not_in_pool, {{"nodes", NodeSet{NodeId{3}}}}));
    const auto crowded = plan_on(host, {vm}, cpus("12-14")).domains[0]; // one CPU is left there
    EXPECT_EQ(vcpu_cpus(crowded), cpus("8-11"));
    EXPECT_TRUE(says(crowded, ReasonCode::devices_not_in_pool, {{"vcpus", std::uint64_t{2}}}));
    vm.policy.fallback = Fallback::fail;
    EXPECT_EQ(plan_on(host, {hog, vm}, CpuSet{}).domains[1].placement, Placement::none);
    vm.policy.device = DeviceChoice::package;
    EXPECT_EQ(vcpu_cpus(plan_on(host, {hog, vm}, CpuSet{}).domains[1]), cpus("8-11"));
}

TEST(SharedPool, DeviceOnANodeWithoutMemoryMovesNobodyTwice)
{
    auto host = regular_host({.packages = 2, .nodes = 2, .cores = 4, .threads = 1});
    host.nodes[1].memory_kib = 0;
    auto vm = shared("s", 2);
    vm.devices = {{.label = "0000:81:00.0", .nodes = {NodeId{1}}}};
    const auto first = plan_on(host, {vm}, CpuSet{}).domains[0];
    EXPECT_EQ(vcpu_cpus(first), cpus("0-3")); // beside its memory, in the package of its device
    vm.activity = Activity::running;
    vm.current.vcpus = first.vcpus;
    vm.memory_nodes = first.numatune->nodes;
    EXPECT_EQ(vcpu_cpus(plan_on(host, {vm}, CpuSet{}).domains[0]), cpus("0-3"));
}

// These count as few as they are used: not at all, while there are others.
TEST(SharedPool, LowPowerCoresAreNoReasonToStayAtDevices)
{
    std::vector<CoreSpec> cores;
    for (std::uint32_t cpu = 0; cpu < 8; ++cpu) {
        cores.push_back({.cpus = {cpu},
                         .package = cpu / 4,
                         .node = cpu / 4,
                         .l3 = cpu / 4,
                         .core_class = cpu < 6 ? CoreClass::performance : CoreClass::low_power});
    }
    const auto host = host_of_cores(cores);
    auto vm = shared("vm", 3);
    vm.policy.device = DeviceChoice::package;
    vm.devices = {{"nodes 1", NodeSet{NodeId{1}}}};
    const auto plan = plan_on(host, {vm}, CpuSet{}).domains.front();
    EXPECT_EQ(vcpu_cpus(plan), cpus("0-3"));
    EXPECT_FALSE(plan.satisfied);
    vm.policy.device = DeviceChoice::prefer;
    vm.vcpus_max = 2;
    vm.vcpus_online = VcpuSet::range(0, 1);
    EXPECT_EQ(vcpu_cpus(plan_on(host, {vm}, CpuSet{}).domains.front()), cpus("4-5"));
}

// Each node is one L3; node 0 has no memory, and is as near to that of node 1.
TEST(SharedPool, LockedMemoryIsWhereItIsWhetherToldOrReadOffThePins)
{
    auto host = regular_host({.nodes = 2, .cores = 2, .threads = 1});
    host.nodes[0].memory_kib = 0;
    host.distance = {{10, 11}, {11, 10}};
    auto vm = running_on(shared("vm", 3), {2, 3, 3});
    vm.memory_locked = true;
    for (const auto& told : {NodeSet{}, NodeSet{NodeId{1}}}) {
        vm.memory_nodes = told;
        const auto plan = plan_on(host, {vm}, CpuSet{}).domains.front();
        EXPECT_EQ(vcpu_cpus(plan), cpus("0-3")) << told.str();
    }
    vm = running_on(shared("vm", 2), {2, 3});
    vm.memory_locked = true;
    for (const auto& told : {NodeSet{}, NodeSet{NodeId{1}}}) {
        vm.memory_nodes = told;
        const auto plan = plan_on(host, {vm}, CpuSet{}).domains.front();
        EXPECT_EQ(vcpu_cpus(plan), cpus("2-3")) << told.str();
    }
}

// Locked memory keeps it on the nodes that it got: what they have there to be used last stays so.
TEST(SharedPool, SiblingsThatAreUsedLastAreSoOnTheChosenNodesToo)
{
    const auto host = regular_host({.packages = 3, .cores = 2});
    auto apart = domain("apart", 1);
    apart.policy.smt = SmtChoice::spread;
    apart.policy.cpus = cpus("0");
    auto owner = domain("owner", 3);
    owner.policy.cpus = cpus("2-3,8");
    auto vm = shared("vm", 6);
    vm.policy.numa = NumaChoice::spread;
    vm.memory_locked = true;
    const auto first = plan_on(host, {apart, owner, vm}, CpuSet{});
    EXPECT_EQ(vcpu_cpus(first.domains[2]), cpus("1,4-5,7,10-11"));
    vm.activity = Activity::running;
    vm.current.vcpus = first.domains[2].vcpus;
    apart = running_on(apart, {0});
    owner.activity = Activity::running;
    owner.current.vcpus = first.domains[1].vcpus;
    const auto second = plan_on(host, {apart, owner, vm}, CpuSet{});
    EXPECT_EQ(vcpu_cpus(second.domains[2]), vcpu_cpus(first.domains[2]));
}

TEST(SharedPool, NumaSingleAndSpreadAreFollowed)
{
    const auto host = two_nodes();
    auto vm = shared("s", 12);
    vm.policy.numa = NumaChoice::single;
    const auto too_large = plan_on(host, {vm}).domains.front();
    EXPECT_FALSE(too_large.satisfied);
    EXPECT_TRUE(says(too_large, ReasonCode::no_single_node));
    auto small = shared("s", 4);
    small.policy.numa = NumaChoice::single;
    EXPECT_TRUE(plan_on(host, {small}).domains.front().satisfied);
    small.policy.numa = NumaChoice::spread;
    EXPECT_EQ(host.nodes_of(vcpu_cpus(plan_on(host, {small}).domains.front())).size(), 2U);
}

TEST(SharedPool, NodesWithoutMemoryAreTheLast)
{
    auto host = regular_host({.packages = 1, .nodes = 3, .cores = 4, .threads = 1});
    host.nodes[0].memory_kib = 0;
    auto vm = shared("vm", 4);
    for (const auto memory : {MemoryChoice::follow, MemoryChoice::keep}) {
        vm.policy.memory = memory;
        EXPECT_EQ(vcpu_cpus(plan_on(host, {vm}, CpuSet{}).domains[0]), cpus("4-7"));
    }
    vm.memory_kib = 0; // unknown
    EXPECT_EQ(vcpu_cpus(plan_on(host, {vm}, CpuSet{}).domains[0]), cpus("4-7"));
    vm.policy.numa = NumaChoice::spread;
    EXPECT_EQ(vcpu_cpus(plan_on(host, {vm}, CpuSet{}).domains[0]), cpus("4-11"));
    EXPECT_EQ(vcpu_cpus(plan_on(host, {shared("large", 12)}, CpuSet{}).domains[0]), cpus("0-11"));
}

TEST(SharedPool, DomainWithoutAPoolSaysOnWhoseCpusItFloats)
{
    const auto host = regular_host({.cores = 2});
    const auto on_housekeeping = plan_on(host, {domain("all", 2), shared("s", 2)});
    EXPECT_EQ(vcpu_cpus(on_housekeeping.domains[1]), on_housekeeping.housekeeping);
    EXPECT_FALSE(on_housekeeping.domains[1].satisfied);
    EXPECT_TRUE(says(on_housekeeping.domains[1], ReasonCode::no_pool));
    EXPECT_FALSE(says(on_housekeeping.domains[0], ReasonCode::claim_overrun));
    const auto on_claims = plan_on(host, {domain("all", 4), shared("s", 2)}, CpuSet{});
    EXPECT_FALSE(on_claims.domains[1].satisfied);
    EXPECT_TRUE(says(on_claims.domains[1], ReasonCode::no_pool));
    EXPECT_TRUE(says(on_claims.domains[0], ReasonCode::claim_overrun));
}

} // namespace
} // namespace virtpind::test
