// SPDX-License-Identifier: LGPL-2.1-or-later
// Which NUMA nodes a domain gets, by its devices, its cells and the nodes themselves.
#include "tests/support/plan_case.hpp"

#include <gtest/gtest.h>

namespace virtpind::test {
namespace {

TEST(Numa, DevicesPullToTheirNode)
{
    auto vm = domain("vm", 4);
    vm.devices = {{.label = "0000:81:00.0", .nodes = {NodeId{1}}}};
    auto host = two_nodes();
    const auto plan = plan_on(host, {vm}, CpuSet{}).domains.front();
    EXPECT_EQ(host.nodes_of(plan.claim), NodeSet{NodeId{1}});
    EXPECT_TRUE(says(plan, ReasonCode::near_device));
    EXPECT_EQ(plan.numatune->nodes, NodeSet{NodeId{1}});
    EXPECT_EQ(plan.numatune->mode, NumaMode::restrictive);
}

// Two packages of two nodes each, four CPUs on a node: package 1 is CPUs 8-15.
Topology four_nodes()
{
    return regular_host({.packages = 2, .nodes = 2, .cores = 4, .threads = 1});
}

Intent with_devices(Intent intent, std::initializer_list<std::uint32_t> nodes)
{
    for (const auto node : nodes) {
        intent.devices.push_back({.label = "0000:81:00.0", .nodes = {NodeId{node}}});
    }
    return intent;
}

Intent pinned_to(Intent intent, const char* list)
{
    intent.policy.cpus = cpus(list);
    return intent;
}

TEST(Numa, NearestNodeIsTakenWhereThatOfTheDevicesIsFull)
{
    const auto hog = pinned_to(domain("hog", 4), "12-15");
    const auto vm = with_devices(domain("vm", 4), {3});
    auto host = four_nodes();
    const auto by_package = plan_on(host, {hog, vm}, CpuSet{}).domains[1];
    EXPECT_EQ(by_package.claim, cpus("8-11"));
    EXPECT_EQ(by_package.cost[CostTerm::device_distance], 4U * 2 * 40);
    EXPECT_TRUE(by_package.optimal);
    for (const auto other : {0U, 2U}) {
        host.distance[3][other] = host.distance[other][3] = 30;
    }
    EXPECT_EQ(plan_on(host, {hog, vm}, CpuSet{}).domains[1].claim, cpus("4-7"));
}

TEST(Numa, OptionDeviceRulesOutOtherNodesOrPackages)
{
    const auto host = four_nodes();
    const auto hog = pinned_to(domain("hog", 4), "12-15");
    auto vm = with_devices(domain("vm", 4), {3});
    vm.policy.fallback = Fallback::fail;
    vm.policy.device = DeviceChoice::require;
    EXPECT_EQ(plan_on(host, {vm}, CpuSet{}).domains[0].claim, cpus("12-15"));
    const auto refused = plan_on(host, {hog, vm}, CpuSet{}).domains[1];
    EXPECT_EQ(refused.placement, Placement::none);
    EXPECT_TRUE(says(refused, ReasonCode::no_device_node, {{"nodes", NodeSet{NodeId{3}}}}));
    vm.policy.device = DeviceChoice::package;
    EXPECT_EQ(plan_on(host, {hog, vm}, CpuSet{}).domains[1].claim, cpus("8-11"));
    const auto filled = pinned_to(domain("fills", 8), "8-15");
    EXPECT_TRUE(says(plan_on(host, {filled, vm}, CpuSet{}).domains[1], ReasonCode::no_device_node,
                     {{"package", true}}));
    vm.policy.fallback = Fallback::shared;
    EXPECT_EQ(vcpu_cpus(plan_on(host, {filled, vm}, CpuSet{}).domains[1]), cpus("0-3"));
}

TEST(Numa, OptionDeviceIsNoRestrictionWithoutALocalDevice)
{
    const auto host = two_nodes();
    auto vm = domain("vm", 10);
    vm.policy.device = DeviceChoice::require;
    EXPECT_EQ(plan_on(host, {vm}, CpuSet{}).domains[0].placement, Placement::dedicated);
    vm.devices = {{.label = "0000:81:00.0", .nodes = {NodeId{0}, NodeId{1}}},
                  {.label = "0000:82:00.0", .nodes = {}}};
    EXPECT_EQ(plan_on(host, {vm}, CpuSet{}).domains[0].placement, Placement::dedicated);
}

TEST(Numa, RunningVcpusLeaveWhatTheOptionDeviceRulesOut)
{
    const auto host = four_nodes();
    auto vm = running_on(with_devices(domain("vm", 2), {3}), {0, 1});
    EXPECT_EQ(plan_on(host, {vm}, CpuSet{}).domains[0].claim, cpus("0-1"));
    vm.policy.device = DeviceChoice::require;
    EXPECT_EQ(plan_on(host, {vm}, CpuSet{}).domains[0].claim, cpus("12-13"));
}

TEST(Numa, CellsGoBesideTheDevicesOfEachNode)
{
    const auto host = four_nodes();
    auto vm = with_devices(domain("vm", 4), {0, 3});
    vm.cells = {{.id = 0, .vcpus = VcpuSet::range(0, 1)}, {.id = 1, .vcpus = VcpuSet::range(2, 3)}};
    const auto plan = plan_on(host, {vm}, CpuSet{}).domains[0];
    EXPECT_EQ(plan.claim, cpus("0-1,12-13"));
    EXPECT_EQ(plan.cost[CostTerm::device_cells], 0U);
    EXPECT_TRUE(plan.optimal);
    const auto one = plan_on(host, {pinned_to(vm, "0-11")}, CpuSet{}).domains[0];
    EXPECT_EQ(one.cost[CostTerm::device_cells], 1U);
    EXPECT_EQ(one.claim, cpus("0-3"));
    EXPECT_TRUE(one.optimal);
}

TEST(Numa, CellsThatShareANodeAreToldWhatSpreadWouldGive)
{
    const auto host = four_nodes();
    auto vm = domain("vm", 4);
    vm.cells = {{.id = 0, .vcpus = VcpuSet::range(0, 1)}, {.id = 1, .vcpus = VcpuSet::range(2, 3)}};
    EXPECT_TRUE(says(plan_on(host, {vm}, CpuSet{}).domains[0], ReasonCode::cells_share_node,
                     {{"cells", std::uint64_t{2}}, {"nodes", NodeSet{NodeId{0}}}}));
    const auto filled = pinned_to(domain("fills", 12), "4-15");
    EXPECT_FALSE(says(plan_on(host, {filled, vm}, CpuSet{}).domains[1],
                      ReasonCode::cells_share_node)); // no other node has room
    vm.policy.numa = NumaChoice::spread;
    EXPECT_FALSE(says(plan_on(host, {vm}, CpuSet{}).domains[0], ReasonCode::cells_share_node));
}

// Four nodes that are one L3 each, at distance 11 within a package.
Topology l3_nodes()
{
    auto host = four_nodes();
    for (std::uint32_t a = 0; a < 4; ++a) {
        for (std::uint32_t b = 0; b < 4; ++b) {
            host.distance[a][b] = a == b ? 10 : a / 2 == b / 2 ? 11 : 32;
        }
    }
    return host;
}

TEST(Numa, L3CalledANodeIsAsNearToDevicesAsTheNextOne)
{
    auto host = l3_nodes();
    auto vm = with_devices(domain("vm", 3), {0});
    vm.policy.device = DeviceChoice::require;
    const auto plan = plan_on(host, {vm}, cpus("0")).domains[0];
    EXPECT_EQ(plan.claim, cpus("4-6")); // not beside housekeeping
    EXPECT_EQ(plan.emulator, cpus("0"));
    EXPECT_TRUE(says(plan, ReasonCode::near_device,
                     {{"elsewhere", true}, {"other_nodes", NodeSet{NodeId{0}}}}));
    host.nodes[0].has_io = true;
    EXPECT_FALSE(host.nodes_of(plan_on(host, {domain("io", 2)}, CpuSet{}).domains[0].claim)
                     .intersects({NodeId{0}, NodeId{1}}));
    host.l3s[1].size_bytes = 0; // of an L3 that nobody knows, nobody knows that it is the node
    EXPECT_EQ(plan_on(host, {vm}, cpus("0")).domains[0].claim, cpus("1-3"));
    host = l3_nodes();
    host.distance[1][0] = 12;
    EXPECT_EQ(plan_on(host, {vm}, cpus("0")).domains[0].claim, cpus("1-3"));
}

TEST(Numa, L3CalledANodeHasTheMemoryOfTheNextOne)
{
    auto host = l3_nodes();
    host.nodes[1].memory_kib = 0;
    host.nodes[3].memory_kib = 0;
    auto vm = domain("vm", 4);
    vm.memory_kib = 12 * gib;
    const auto plan = plan_on(host, {vm}, cpus("0,8")).domains[0];
    EXPECT_EQ(plan.claim, cpus("4-7"));
    EXPECT_EQ(plan.cost[CostTerm::device], 0U);
    EXPECT_EQ(plan.numatune->nodes, NodeSet{NodeId{0}});
    auto next = domain("next", 4);
    next.memory_kib = 12 * gib; // more than is left of node 0
    EXPECT_EQ(plan_on(host, {vm, next}, cpus("0")).domains[1].numatune->nodes, NodeSet{NodeId{2}});
    vm.cells = {{.id = 0, .vcpus = VcpuSet::range(0, 1), .memory_kib = 9 * gib},
                {.id = 1, .vcpus = VcpuSet::range(2, 3), .memory_kib = 9 * gib}};
    vm.memory_kib = 18 * gib;
    const auto apart = plan_on(host, {vm}, CpuSet{}).domains[0];
    EXPECT_EQ(apart.cost[CostTerm::packages], 2U);
    EXPECT_TRUE(apart.optimal);
    host.nodes[2].memory_kib = 0; // all memory is on one node
    vm.cells.clear();
    EXPECT_EQ(plan_on(host, {vm}, cpus("0")).domains[0].placement, Placement::shared);
    vm.memory_kib = 12 * gib;
    const auto beside = plan_on(host, {vm}, cpus("0")).domains[0];
    EXPECT_EQ(beside.claim, cpus("4-7"));
    EXPECT_EQ(beside.numatune->nodes, NodeSet{NodeId{0}});
}

TEST(Numa, RunningDomainStaysBesideItsMemoryOnTheNextL3)
{
    auto host = l3_nodes();
    host.nodes[1].memory_kib = 0;
    host.nodes[3].memory_kib = 0;
    auto vm = running_on(domain("vm", 4), {4, 5, 6, 7});
    vm.memory_kib = 2 * gib;
    vm.memory_locked = true;
    vm.memory_nodes = {NodeId{0}};
    const auto plan = plan_on(host, {vm}, CpuSet{}).domains[0];
    EXPECT_EQ(plan.claim, cpus("4-7"));
    EXPECT_TRUE(says(plan, ReasonCode::kept_in_place));
    EXPECT_EQ(plan.numatune->nodes, NodeSet{NodeId{0}});
    auto floats = running_on(with_devices(shared("floats", 1), {1}), {4});
    floats.memory_nodes = {NodeId{0}};
    EXPECT_EQ(vcpu_cpus(plan_on(host, {floats}, CpuSet{}).domains[0]), cpus("4-7"));
}

TEST(Numa, DomainWithoutDevicesAvoidsTheNodeWithIo)
{
    auto host = two_nodes();
    host.nodes[0].has_io = true;
    const auto plan = plan_on(host, {domain("vm", 4)}, CpuSet{}).domains.front();
    EXPECT_EQ(host.nodes_of(plan.claim), NodeSet{NodeId{1}});
    EXPECT_TRUE(says(plan, ReasonCode::avoids_device_node));
}

TEST(Numa, CellsGoWholeToNodesTogetherWithTheirMemory)
{
    auto host = two_nodes();
    auto vm = domain("vm", 12);
    vm.cells = {{.id = 0, .vcpus = VcpuSet::range(0, 7)},
                {.id = 1, .vcpus = VcpuSet::range(8, 11)}};
    const auto plan = plan_on(host, {vm}, CpuSet{}).domains.front();
    EXPECT_EQ(plan.cost[CostTerm::nodes], 2U);
    EXPECT_TRUE(plan.optimal);
    const auto big = *plan.numatune->cells.at(0).begin();
    const auto small = *plan.numatune->cells.at(1).begin();
    EXPECT_NE(big, small);
    for (std::uint32_t vcpu = 0; vcpu < 12; ++vcpu) {
        EXPECT_EQ(host.nodes_of(plan.vcpus.at(VcpuId{vcpu})), NodeSet{vcpu < 8 ? big : small});
    }
}

TEST(Numa, OfflineVcpusWaitWithTheirCell)
{
    const auto host = two_nodes();
    auto vm = domain("vm", 12);
    vm.vcpus_online = {VcpuId{0}, VcpuId{1}, VcpuId{4}, VcpuId{5}};
    vm.cells = {{.id = 0, .vcpus = VcpuSet::range(0, 3)},
                {.id = 1, .vcpus = VcpuSet::range(4, 7)},
                {.id = 2, .vcpus = VcpuSet::range(8, 9)}};
    vm.policy.numa = NumaChoice::spread;
    const auto plan = plan_on(host, {vm}, CpuSet{}).domains[0];
    ASSERT_EQ(plan.placement, Placement::dedicated);
    const auto together = [&plan](std::uint32_t a, std::uint32_t b) {
        return plan.vcpus.at(VcpuId{a}) | plan.vcpus.at(VcpuId{b});
    };
    EXPECT_NE(host.nodes_of(together(0, 1)), host.nodes_of(together(4, 5)));
    EXPECT_EQ(together(2, 3), together(0, 1));
    EXPECT_EQ(together(6, 7), together(4, 5));
    EXPECT_EQ(together(10, 11), together(0, 1)) << "in no cell counts as in the first";
    EXPECT_EQ(together(8, 9), vcpu_cpus(plan)) << "nobody of theirs is online";
}

TEST(Numa, NodeWithoutMemoryIsUsedLast)
{
    auto host = regular_host({.packages = 4, .cores = 4, .threads = 1});
    host.nodes[0].memory_kib = 0;
    host.nodes[2].memory_kib = 0;
    auto wide = domain("wide", 8);
    wide.memory_kib = 8U << 20U;
    EXPECT_EQ(host.nodes_of(plan_on(host, {wide}, CpuSet{}).domains[0].claim),
              (NodeSet{NodeId{1}, NodeId{3}}));
    auto small = domain("small", 2); // of unknown memory
    EXPECT_EQ(host.nodes_of(plan_on(host, {small}, CpuSet{}).domains[0].claim), NodeSet{NodeId{1}});
    wide.vcpus_max = 12;
    wide.vcpus_online = VcpuSet::range(0, 11);
    const auto wider = plan_on(host, {wide}, CpuSet{}).domains[0];
    EXPECT_EQ(wider.cost[CostTerm::device], 4U);
    EXPECT_TRUE(wider.optimal);
}

} // namespace
} // namespace virtpind::test
