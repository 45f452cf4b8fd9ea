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
