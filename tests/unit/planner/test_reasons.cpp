// SPDX-License-Identifier: LGPL-2.1-or-later
// Reasons and advice that a plan gives.
#include "tests/support/plan_case.hpp"

#include <gtest/gtest.h>

namespace virtpind::test {
namespace {

TEST(Reasons, CountVcpusAndNameTheirNodes)
{
    const NodeSet node{NodeId{0}};
    auto small = domain("small", 1);
    EXPECT_TRUE(says(plan_on(ryzen(), {small}).domains.front(), ReasonCode::fits_one_l3,
                     {{"vcpus", 1U}, {"nodes", node}}));
    small.policy.placement = Placement::shared;
    EXPECT_TRUE(says(plan_on(ryzen(), {small}).domains.front(), ReasonCode::floats_on_pool,
                     {{"vcpus", 1U}, {"nodes", node}}));
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
    const auto plan = plan_on(two_nodes(), {vm}, CpuSet{}).domains[0];
    const auto here = two_nodes().nodes_of(vcpu_cpus(plan));
    EXPECT_TRUE(says(plan, ReasonCode::near_device,
                     {{"nodes", here}, {"other_nodes", NodeSet::range(0, 1) - here}}));
}

TEST(Reasons, OtherUsersOfItsL3AreNamed)
{
    const auto host = regular_host({.l3s = 2, .cores = 4});
    auto floats = domain("floats", 2);
    floats.policy.placement = Placement::shared;
    const auto alone = plan_on(host, {domain("a", 4), floats}).domains[0];
    EXPECT_TRUE(says(alone, ReasonCode::l3_alone));
    EXPECT_FALSE(says(alone, ReasonCode::l3_alone, {{"pool", CpuSet{}}}));
    const auto full = plan_on(host, {domain("a", 8)}).domains[0];
    EXPECT_TRUE(says(full, ReasonCode::l3_alone, {{"pool", CpuSet{}}}));
    const auto both = plan_on(host, {domain("a", 8), domain("b", 2)}).domains[1];
    EXPECT_TRUE(says(both, ReasonCode::l3_shared, {{"housekeeping", cpus("0,8")}}));
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
    EXPECT_TRUE(says(plan, ReasonCode::to_do_better, {{"gain", ReasonPhrase::even_spread}}));
}

TEST(Advice, DomainThatOnlyHousekeepingKeepsFromANodeIsTold)
{
    auto vm = threaded("vm", 4);
    vm.devices = {{.label = "0000:81:00.0", .nodes = {NodeId{1}}}};
    const auto plan = plan_on(two_nodes(), {vm}, cpus("0,4,8,12")).domains.front();
    EXPECT_TRUE(says(plan, ReasonCode::to_do_better,
                     {{"where", ReasonPhrase::on_node},
                      {"nodes", NodeSet{NodeId{1}}},
                      {"housekeeping", cpus("4,12")}}));
    vm = threaded("vm", 5);
    EXPECT_TRUE(says(plan_on(two_nodes(), {vm}, cpus("0,8")).domains.front(),
                     ReasonCode::to_do_better, {{"place", ReasonPhrase::numa_node}, {"most", 8U}}));
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
    EXPECT_TRUE(says(plan, ReasonCode::memory_short,
                     {{"wanted", ReasonPhrase::free_memory},
                      {"memory", MemoryAmount{6 * gib}},
                      {"nodes", NodeSet{NodeId{0}}},
                      {"gain", ReasonPhrase::fewer_nodes}}));
    EXPECT_FALSE(says(plan, ReasonCode::to_do_better)) << "it is not others' CPUs";
}

TEST(Advice, MemoryThatNoNodeHasIsNotAskedFor)
{
    auto host = two_nodes(); // 16 GiB each
    auto large = domain("large", 4);
    large.memory_kib = 20U << 20U;
    const auto plan = plan_on(host, {large}).domains.front();
    EXPECT_TRUE(says(plan, ReasonCode::memory_short,
                     {{"available", MemoryAmount{16 * gib}}, {"nodes", NodeSet{NodeId{1}}}}));
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
    EXPECT_TRUE(says(plan, ReasonCode::to_do_better, {{"priority", true}}));
    first.activity = Activity::running;
    std::uint32_t vcpu = 0;
    for (const auto cpu : cpus("4-7,12-15")) {
        first.current.vcpus[VcpuId{vcpu++}] = CpuSet{cpu};
    }
    plan = plan_on(host, {first, second}, CpuSet{}).domains[1];
    EXPECT_TRUE(says(plan, ReasonCode::to_do_better, {{"priority", false}}))
        << "it stays whoever comes";
}

// The code of the first reason of a domain that does not get what it asks for.
ReasonCode blamed(const DomainPlan& plan)
{
    EXPECT_FALSE(plan.satisfied);
    EXPECT_FALSE(plan.reasons.empty());
    return plan.reasons.front().code;
}

// Whether these ways, in this order, are named that would let it fit.
testing::AssertionResult offers(const DomainPlan& plan, const ReasonPhrases& ways,
                                std::uint64_t most_vcpus)
{
    return says(plan, ReasonCode::to_do_better, {{"ways", ways}, {"most", most_vcpus}});
}

// An argument of the advice; an empty one when there is none.
template <class Value>
Value argument_of(const DomainPlan& plan, std::string_view name)
{
    for (const auto& reason : plan.reasons) {
        const auto* value = reason.code == ReasonCode::to_do_better
                                ? find_argument(reason.arguments, name)
                                : nullptr;
        if (const auto* typed = value != nullptr ? std::get_if<Value>(value) : nullptr) {
            return *typed;
        }
    }
    return {};
}

bool names_way(const DomainPlan& plan, ReasonPhrase way)
{
    const auto ways = argument_of<ReasonPhrases>(plan, "ways");
    return std::find(ways.begin(), ways.end(), way) != ways.end();
}

TEST(Infeasibility, NamesKindsAndHousekeepingToGiveUp)
{
    const auto plan =
        plan_on(hybrid_host(6, 8), {domain("kinds", 12)}, cpus("0-1,12")).domains.front();
    EXPECT_EQ(blamed(plan), ReasonCode::no_kind);
    EXPECT_TRUE(offers(
        plan,
        {ReasonPhrase::cores_any, ReasonPhrase::other_housekeeping, ReasonPhrase::at_most_vcpus},
        10));
}

TEST(Infeasibility, NamesWhatToGiveUp)
{
    auto own = domain("own", 6);
    own.policy.emulator.mode = ThreadChoice::Mode::own;
    const auto small = regular_host({.cores = 4});
    auto plan = plan_on(small, {own}).domains.front();
    EXPECT_EQ(blamed(plan), ReasonCode::no_own_core);
    EXPECT_TRUE(offers(plan, {ReasonPhrase::emulator_auto, ReasonPhrase::at_most_vcpus}, 4));

    auto host = two_nodes();
    host.nodes[0].hugepages = {{.page_kib = 2048, .total = 8, .free = 8}};
    auto huge = domain("huge", 4);
    huge.policy.smt = SmtChoice::require;
    huge.memory_kib = 65536;
    huge.hugepage_kib = 2048;
    plan = plan_on(host, {huge}).domains.front();
    EXPECT_EQ(blamed(plan), ReasonCode::memory_short);
    EXPECT_TRUE(says(plan, ReasonCode::memory_short,
                     {{"wanted", ReasonPhrase::free_hugepages},
                      {"memory", MemoryAmount{65536}},
                      {"page", PageSize{2048}}}));

    auto wide = domain("wide", 10);
    wide.policy.smt = SmtChoice::require;
    wide.policy.numa = NumaChoice::single;
    plan = plan_on(host, {wide}).domains.front();
    EXPECT_EQ(blamed(plan), ReasonCode::no_single_node);
    EXPECT_TRUE(offers(plan, {ReasonPhrase::numa_prefer, ReasonPhrase::at_most_vcpus}, 8));

    auto beside = domain("beside", 10);
    beside.devices = {{.label = "0000:81:00.0", .nodes = {NodeId{1}}}};
    beside.policy.device = DeviceChoice::package;
    plan = plan_on(host, {beside}).domains.front();
    EXPECT_EQ(blamed(plan), ReasonCode::no_device_node);
    EXPECT_TRUE(offers(plan, {ReasonPhrase::device_prefer, ReasonPhrase::at_most_vcpus}, 8));

    auto isolated = domain("isolated", 4);
    isolated.policy.smt = SmtChoice::isolate;
    plan = plan_on(small, {isolated}).domains.front();
    EXPECT_EQ(blamed(plan), ReasonCode::no_whole_cores);
    EXPECT_TRUE(offers(plan, {ReasonPhrase::smt_prefer, ReasonPhrase::at_most_vcpus}, 3));

    auto narrow = domain("narrow", 4);
    narrow.policy.cpus = cpus("2-3");
    plan = plan_on(small, {narrow}).domains.front();
    EXPECT_EQ(blamed(plan), ReasonCode::restricted_cpus);

    auto apart = domain("apart", 3);
    apart.policy.smt = SmtChoice::spread;
    apart.policy.numa = NumaChoice::single;
    apart.policy.cpus = cpus("2-5");
    plan = plan_on(two_nodes(), {apart}).domains.front();
    EXPECT_EQ(blamed(plan), ReasonCode::no_single_node);
    EXPECT_TRUE(names_way(plan, ReasonPhrase::more_cpus_allowed));

    auto both = isolated;
    both.policy.cpus = cpus("2-3");
    EXPECT_EQ(blamed(plan_on(small, {both}).domains.front()), ReasonCode::no_room_as_asked);
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
    const auto plan = plan_on(host, {locked, urgent}).domains.front();
    EXPECT_EQ(blamed(plan), ReasonCode::memory_locked);
    EXPECT_EQ(argument_of<DomainsOnCpus>(plan, "owners").at(0).name, "urgent");
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
    const auto plan = plan_on(host, {big("a"), big("b"), big("late")}).domains.back();
    EXPECT_EQ(blamed(plan), ReasonCode::memory_short);
    EXPECT_FALSE(says(plan, ReasonCode::to_do_better, {{"other_claims", true}}));
    EXPECT_TRUE(names_way(plan, ReasonPhrase::more_memory));
}

TEST(Infeasibility, SiblingsAreMissedOnlyWhereTheTopologyIsKept)
{
    const auto host = regular_host({.cores = 8, .threads = 1});
    auto vm = threaded("vm", 2);
    vm.policy.smt = SmtChoice::require;
    const auto plan = plan_on(host, {vm}).domains.front();
    EXPECT_EQ(blamed(plan), ReasonCode::no_smt);
    EXPECT_TRUE(names_way(plan, ReasonPhrase::topology_match));
    vm.policy.topology = TopologyChoice::match;
    EXPECT_TRUE(plan_on(host, {vm}).domains.front().satisfied);
    auto bare = host; // a list of CPUs, as nested hosts are described
    bare.l3s[0].size_bytes = 0;
    vm.topology.reset();
    EXPECT_TRUE(plan_on(bare, {vm}).domains.front().satisfied);
    vm.policy.topology = TopologyChoice::keep;
    EXPECT_EQ(blamed(plan_on(bare, {vm}).domains.front()), ReasonCode::no_smt);
    bare.caches = {{.level = 2, .cpus = cpus("0")}}; // an ARM host without L3
    EXPECT_TRUE(plan_on(bare, {vm}).domains.front().satisfied);
}

} // namespace
} // namespace virtpind::test
