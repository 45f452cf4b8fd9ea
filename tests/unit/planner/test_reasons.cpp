// SPDX-License-Identifier: LGPL-2.1-or-later
// Reasons and advice that a plan gives.
#include "tests/support/plan_case.hpp"

#include <gtest/gtest.h>

namespace virtpind::test {
namespace {

TEST(Reasons, OneVcpuIsNamedInTheSingular)
{
    auto small = domain("small", 1);
    EXPECT_TRUE(says(plan_on(ryzen(), {small}).domains.front(), "The vCPU is on node 0."));
    small.policy.placement = Placement::shared;
    EXPECT_TRUE(says(plan_on(ryzen(), {small}).domains.front(), "1 vCPU floats on "));
}

TEST(Reasons, GuestThatTakesThreadsForCoresIsTold)
{
    EXPECT_TRUE(says(plan_on(ryzen(), {domain("flat", 4)}).domains[0], ReasonCode::topology_kept));
    EXPECT_FALSE(
        says(plan_on(ryzen(), {threaded("smt", 2)}).domains[0], ReasonCode::topology_kept));
}

TEST(Reasons, DomainNearSomeOfItsDevicesHearsOfTheOthers)
{
    auto vm = domain("vm", 2);
    vm.devices = {{.label = "04:00.0", .nodes = {NodeId{0}}},
                  {.label = "14:00.0", .nodes = {NodeId{1}}}};
    const auto text =
        text_of(plan_on(two_nodes(), {vm}, CpuSet{}).domains[0], ReasonCode::near_device);
    EXPECT_NE(text.find("the others are on node"), std::string::npos) << text;
}

TEST(Reasons, OtherUsersOfItsL3AreNamed)
{
    const auto host = regular_host({.l3s = 2, .cores = 4});
    auto floats = domain("floats", 2);
    floats.policy.placement = Placement::shared;
    const auto alone = plan_on(host, {domain("a", 4), floats}).domains[0];
    EXPECT_NE(text_of(alone, ReasonCode::l3_alone).find("in the pool"), std::string::npos);
    const auto full = plan_on(host, {domain("a", 8)}).domains[0];
    EXPECT_EQ(text_of(full, ReasonCode::l3_alone), "Nobody else uses its L3s.");
    const auto both = plan_on(host, {domain("a", 8), domain("b", 2)}).domains[1];
    EXPECT_NE(text_of(both, ReasonCode::l3_shared).find("housekeeping (0,8)"), std::string::npos);
}

TEST(Advice, DomainSpreadUnevenlyHearsWhatWouldEvenIt)
{
    auto other = domain("other", 2);
    other.activity = Activity::running;
    other.current.vcpus = {{VcpuId{0}, cpus("0")}, {VcpuId{1}, cpus("1")}};
    auto even = domain("even", 8);
    even.policy.numa = NumaChoice::spread;
    const auto host = regular_host({.packages = 2, .cores = 5, .threads = 1});
    const auto plan = plan_on(host, {other, even}, CpuSet{}).domains[1];
    const auto advice =
        std::find_if(plan.reasons.begin(), plan.reasons.end(),
                     [](const Reason& reason) { return reason.code == ReasonCode::to_do_better; });
    ASSERT_NE(advice, plan.reasons.end());
    EXPECT_NE(advice->text.find("more evenly"), std::string::npos) << advice->text;
}

TEST(Advice, DomainThatOnlyHousekeepingKeepsFromANodeIsTold)
{
    auto vm = threaded("vm", 4);
    vm.devices = {{.label = "0000:81:00.0", .nodes = {NodeId{1}}}};
    const auto plan = plan_on(two_nodes(), {vm}, cpus("0,4,8,12")).domains.front();
    EXPECT_TRUE(says(plan, "It would fit node 1 but for housekeeping (4,12), which the"))
        << text_of(plan);
    vm = threaded("vm", 5);
    EXPECT_TRUE(says(plan_on(two_nodes(), {vm}, cpus("0,8")).domains.front(),
                     "No NUMA node of this host is large enough: with at most 8 vCPUs"));
}

TEST(Advice, MemoryThatPreventsABetterPlacementIsNamed)
{
    auto host = two_nodes(); // 16 GiB each
    host.nodes[0].free_memory_kib = 4U << 20U;
    host.nodes[1].free_memory_kib = 4U << 20U;
    auto vm = domain("vm", 4);
    vm.memory_kib = 6U << 20U;
    const auto plan = plan_on(host, {vm}, CpuSet{}).domains[0];
    ASSERT_EQ(plan.cost[CostTerm::nodes], 2U);
    EXPECT_NE(text_of(plan, ReasonCode::memory_short).find("6144 MiB of free memory on node 0"),
              std::string::npos)
        << text_of(plan, ReasonCode::memory_short);
    EXPECT_FALSE(says(plan, ReasonCode::to_do_better)) << "it is not others' CPUs";
}

TEST(Advice, MemoryThatNoNodeHasIsNotAskedFor)
{
    auto host = two_nodes(); // 16 GiB each
    auto large = domain("large", 4);
    large.memory_kib = 20U << 20U;
    const auto plan = plan_on(host, {large}).domains.front();
    EXPECT_TRUE(says(plan, "With no more memory than node 1 has (16384 MiB) it ")) << text_of(plan);
}

TEST(Advice, PriorityIsOfferedOnlyWhereItHelps)
{
    auto host = two_nodes();
    auto first = domain("first", 8);
    first.devices = {{.label = "0000:81:00.0", .nodes = {NodeId{1}}}};
    auto second = first;
    second.name = "second";
    second.uuid = DomainUuid{"second"};
    auto plan = plan_on(host, {first, second}, CpuSet{}).domains[1];
    EXPECT_TRUE(says(plan, "Stop or move those, or give this domain a higher priority."));
    first.activity = Activity::running;
    std::uint32_t vcpu = 0;
    for (const auto cpu : cpus("4-7,12-15")) {
        first.current.vcpus[VcpuId{vcpu++}] = CpuSet{cpu};
    }
    plan = plan_on(host, {first, second}, CpuSet{}).domains[1];
    EXPECT_TRUE(says(plan, "Stop or move those.")) << text_of(plan); // it stays whoever comes
}

// What the first reason is, and the advice.
struct Refusal {
    ReasonCode code{};
    std::string text;
    std::string advice;
};

Refusal refusal(const DomainPlan& plan)
{
    EXPECT_FALSE(plan.satisfied);
    Refusal found;
    for (const auto& reason : plan.reasons) {
        found.text = found.text.empty() ? reason.text : found.text;
        found.code = &reason == plan.reasons.data() ? reason.code : found.code;
        found.advice = reason.code == ReasonCode::to_do_better ? reason.text : found.advice;
    }
    return found;
}

TEST(Infeasibility, NamesWhatToGiveUp)
{
    auto own = domain("own", 6);
    own.policy.emulator.mode = ThreadChoice::Mode::own;
    const auto small = regular_host({.cores = 4});
    auto why = refusal(plan_on(small, {own}).domains.front());
    EXPECT_EQ(why.code, ReasonCode::no_own_core);
    EXPECT_NE(why.advice.find("emulator=auto or at most 4 vCPUs."), std::string::npos)
        << why.advice;

    auto host = two_nodes();
    host.nodes[0].hugepages = {{.page_kib = 2048, .total = 8, .free = 8}};
    auto huge = domain("huge", 4);
    huge.policy.smt = SmtChoice::require;
    huge.memory_kib = 65536;
    huge.hugepage_kib = 2048;
    why = refusal(plan_on(host, {huge}).domains.front());
    EXPECT_EQ(why.code, ReasonCode::memory_short);
    EXPECT_NE(why.text.find("64 MiB of free hugepages of 2048 KiB"), std::string::npos) << why.text;

    auto wide = domain("wide", 10);
    wide.policy.smt = SmtChoice::require;
    wide.policy.numa = NumaChoice::single;
    why = refusal(plan_on(host, {wide}).domains.front());
    EXPECT_EQ(why.code, ReasonCode::no_single_node);
    EXPECT_NE(why.advice.find("numa=prefer or at most 8 vCPUs."), std::string::npos) << why.advice;

    why = refusal(plan_on(hybrid_host(6, 8), {domain("kinds", 12)}).domains.front());
    EXPECT_EQ(why.code, ReasonCode::no_kind);
    EXPECT_NE(why.advice.find("cores=any or at most 10 vCPUs."), std::string::npos) << why.advice;

    auto isolated = domain("isolated", 4);
    isolated.policy.smt = SmtChoice::isolate;
    why = refusal(plan_on(small, {isolated}).domains.front());
    EXPECT_EQ(why.code, ReasonCode::no_whole_cores);
    EXPECT_NE(why.advice.find("smt=prefer or at most 3 vCPUs."), std::string::npos) << why.advice;

    auto narrow = domain("narrow", 4);
    narrow.policy.cpus = cpus("2-3");
    why = refusal(plan_on(small, {narrow}).domains.front());
    EXPECT_EQ(why.code, ReasonCode::restricted_cpus);

    auto apart = domain("apart", 3);
    apart.policy.smt = SmtChoice::spread;
    apart.policy.numa = NumaChoice::single;
    apart.policy.cpus = cpus("2-5");
    why = refusal(plan_on(two_nodes(), {apart}).domains.front());
    EXPECT_EQ(why.code, ReasonCode::no_single_node);
    EXPECT_NE(why.advice.find("more CPUs in cpus"), std::string::npos) << why.advice;

    auto both = isolated;
    both.policy.cpus = cpus("2-3");
    EXPECT_EQ(refusal(plan_on(small, {both}).domains.front()).code, ReasonCode::no_room_as_asked);
}

TEST(Infeasibility, MemoryLockedOnAnotherNodeIsNamed)
{
    auto host = two_nodes();
    auto locked = domain("locked", 4);
    locked.activity = Activity::running;
    locked.memory_locked = true;
    locked.memory_nodes = {NodeId{1}};
    auto urgent = domain("urgent", 8);
    urgent.policy.priority = 5;
    urgent.policy.cpus = host.nodes[1].cpus;
    const auto why = refusal(plan_on(host, {locked, urgent}).domains.front());
    EXPECT_EQ(why.code, ReasonCode::memory_locked);
    EXPECT_NE(why.advice.find("claimed by urgent ("), std::string::npos) << why.advice;
}

TEST(Infeasibility, MemoryReservedByOthersIsNotALimitOfTheHost)
{
    auto host = two_nodes();
    host.nodes[0].memory_kib = 8 * gib;
    host.nodes[1].memory_kib = 8 * gib;
    const auto big = [](const char* name) {
        auto vm = domain(name, 2);
        vm.memory_kib = 6 * gib;
        vm.policy.numa = NumaChoice::single;
        return vm;
    };
    const auto why = refusal(plan_on(host, {big("a"), big("b"), big("late")}).domains.back());
    EXPECT_EQ(why.code, ReasonCode::memory_short);
    EXPECT_NE(why.advice.find("It would fit "), std::string::npos) << why.advice;
    EXPECT_EQ(why.advice.find("would not fit either"), std::string::npos) << why.advice;
    EXPECT_NE(why.advice.find("more free memory"), std::string::npos) << why.advice;
}

TEST(Infeasibility, SiblingsAreMissedOnlyWhereTheTopologyIsKept)
{
    const auto host = regular_host({.cores = 8, .threads = 1});
    auto vm = threaded("vm", 2);
    vm.policy.smt = SmtChoice::require;
    const auto why = refusal(plan_on(host, {vm}).domains.front());
    EXPECT_EQ(why.code, ReasonCode::no_smt);
    EXPECT_NE(why.advice.find("topology=match"), std::string::npos) << why.advice;
    vm.policy.topology = TopologyChoice::match;
    EXPECT_TRUE(plan_on(host, {vm}).domains.front().satisfied);
    auto bare = host; // a list of CPUs, as nested hosts are described
    bare.l3s[0].size_bytes = 0;
    vm.topology.reset();
    EXPECT_TRUE(plan_on(bare, {vm}).domains.front().satisfied);
    vm.policy.topology = TopologyChoice::keep;
    EXPECT_EQ(refusal(plan_on(bare, {vm}).domains.front()).code, ReasonCode::no_smt);
    bare.caches = {{.level = 2, .cpus = cpus("0")}}; // an ARM host without L3
    EXPECT_TRUE(plan_on(bare, {vm}).domains.front().satisfied);
}

} // namespace
} // namespace virtpind::test
