// SPDX-License-Identifier: LGPL-2.1-or-later
// CPUs that the kernel was told to leave alone (isolcpus, nohz_full): nothing floats there.
#include "daemon/planner/fleet/housekeeping.hpp"
#include "tests/support/plan_case.hpp"

#include <gtest/gtest.h>

namespace virtpind::test {
namespace {

// 16 CPUs on two L3s, siblings N and N+8.
Topology host(std::string_view isolated, std::string_view nohz_full = "")
{
    auto topology = regular_host({.l3s = 2, .cores = 4});
    topology.isolated = cpus(isolated);
    topology.nohz_full = cpus(nohz_full);
    return topology;
}

TEST(QuietCpus, AreInNoPool)
{
    for (const auto& topology : {host("6-7,14-15"), host("", "6-7,14-15"), host("6-7", "14-15")}) {
        const auto plan = plan_on(topology, {shared("shared", 4)});
        EXPECT_EQ(plan.pool, cpus("1-5,9-13"));
        EXPECT_EQ(vcpu_cpus(plan.domains.front()), plan.pool);
        EXPECT_TRUE(plan.domains.front().satisfied);
    }
}

TEST(QuietCpus, AreUsedFirstEachByOneVcpu)
{
    auto plan = plan_on(host("2-3,10-11"), {domain("dedicated", 4)});
    EXPECT_EQ(vcpu_cpus(plan.domains.front()), cpus("2-3,10-11")) << "although L3 1 is free";
    for (const auto& [vcpu, pin] : plan.domains.front().vcpus) {
        EXPECT_EQ(pin.size(), 1U);
    }
    EXPECT_TRUE(plan.domains.front().optimal);
    EXPECT_TRUE(says(plan.domains.front(), ReasonCode::quiet_cpus_used));
    plan = plan_on(host("3-4,11-12"), {domain("dedicated", 4)});
    EXPECT_EQ(vcpu_cpus(plan.domains.front()), cpus("3-4,11-12")) << "on two L3s";
    plan = plan_on(host("6-7"), {domain("dedicated", 4)});
    EXPECT_TRUE(vcpu_cpus(plan.domains.front()).includes(cpus("6-7"))) << "as far as they go";
}

TEST(QuietCpus, DoNotDrawADomainAwayFromItsDevice)
{
    auto topology = two_nodes();
    topology.isolated = topology.nodes[1].cpus;
    auto guest = domain("dedicated", 4);
    guest.devices = {{.label = "0000:01:00.0", .nodes = {NodeId{0}}}};
    const auto plan = plan_on(topology, {guest}).domains.front();
    EXPECT_TRUE(topology.nodes[0].cpus.includes(vcpu_cpus(plan)));
}

TEST(QuietCpus, AreNotForTheHostItself)
{
    EXPECT_EQ(auto_housekeeping(host("0-3,8-11"), host("").all_cpus()), cpus("4,12"));
    EXPECT_EQ(auto_housekeeping(host("8"), host("").all_cpus()), cpus("0"));
    EXPECT_EQ(auto_housekeeping(host("1-15"), host("").all_cpus()), cpus("0"));
    EXPECT_EQ(auto_housekeeping(host("0-15"), host("").all_cpus()), cpus("0,8"))
        << "there are no others";
    const auto ordered = plan_on(host("0-3"), {domain("dedicated", 4)}, cpus("0,8"));
    EXPECT_EQ(ordered.housekeeping, cpus("0,8"));
    EXPECT_EQ(ordered.domains.front().emulator, cpus("8"));
}

TEST(QuietCpus, EmulatorAndIothreadsStayOffThem)
{
    auto guest = domain("dedicated", 4);
    guest.iothreads = {IothreadId{1}};
    guest.policy.emulator.mode = ThreadChoice::Mode::own;
    const auto plan = plan_on(host("4-7,12-15"), {guest}).domains.front();
    EXPECT_EQ(vcpu_cpus(plan), cpus("4-5,12-13"));
    EXPECT_FALSE(plan.emulator.intersects(cpus("4-7,12-15"))) << "a core of their own";
    EXPECT_FALSE(plan.iothreads.at(IothreadId{1}).intersects(cpus("4-7,12-15")));
}

TEST(QuietCpus, DomainThatFloatsGoesToHousekeepingRatherThanThere)
{
    const auto plan = plan_on(host("1-7,9-15"), {shared("shared", 4)});
    EXPECT_TRUE(plan.pool.empty());
    EXPECT_EQ(vcpu_cpus(plan.domains.front()), cpus("0,8"));
    EXPECT_TRUE(says(plan.domains.front(), ReasonCode::no_pool, {{"isolated", true}}));
    const auto unfit = plan_on(host("1-7,9-15"), {domain("dedicated", 15)}).domains.front();
    EXPECT_EQ(vcpu_cpus(unfit), cpus("0,8"));
}

TEST(QuietCpus, DomainFloatsOnThemWhereThereAreNoOthers)
{
    const auto plan = plan_on(host("0-15"), {shared("shared", 4)}, CpuSet{});
    EXPECT_EQ(vcpu_cpus(plan.domains.front()), host("").all_cpus());
    EXPECT_FALSE(plan.domains.front().satisfied);
}

TEST(QuietCpus, LockedMemoryComesFirst)
{
    auto topology = two_nodes();
    topology.isolated = topology.nodes[1].cpus;
    auto guest = shared("shared", 2);
    guest.activity = Activity::running;
    guest.has_memory = true;
    guest.memory_locked = true;
    guest.memory_nodes = {NodeId{1}};
    const auto plan = plan_on(topology, {guest}).domains.front();
    EXPECT_EQ(vcpu_cpus(plan), topology.nodes[1].cpus);
}

TEST(QuietCpus, MakeAnotherLayout)
{
    EXPECT_FALSE(same_layout(host(""), host("7")));
    EXPECT_FALSE(same_layout(host("7"), host("", "7")));
    EXPECT_TRUE(same_layout(host("7"), host("7")));
}

} // namespace
} // namespace virtpind::test
