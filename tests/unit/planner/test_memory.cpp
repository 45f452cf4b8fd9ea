// SPDX-License-Identifier: LGPL-2.1-or-later
// Memory and hugepages: on which node there is enough, and what running domains have of it.
#include "daemon/planner/fleet/memory_ledger.hpp"
#include "tests/support/plan_case.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace virtpind::test {
namespace {

TEST(Memory, FreeMemoryDecidesTheNode)
{
    auto host = two_nodes();
    host.nodes[0].free_memory_kib = 1000;
    host.nodes[1].free_memory_kib = 5000;
    auto vm = domain("vm", 4);
    vm.memory_kib = 4000;
    EXPECT_EQ(host.nodes_of(plan_on(host, {vm}, CpuSet{}).domains.front().claim),
              NodeSet{NodeId{1}});
    vm.policy.numa = NumaChoice::single;
    vm.memory_kib = 5500;
    EXPECT_FALSE(plan_on(host, {vm}, CpuSet{}).domains.front().satisfied);
}

TEST(Memory, OfNewcomersAddsUp)
{
    auto host = two_nodes();
    host.nodes[0].free_memory_kib = 5000;
    host.nodes[1].free_memory_kib = 5000;
    std::vector<Intent> intents{domain("a", 2), domain("b", 2)};
    for (auto& intent : intents) {
        intent.memory_kib = 3000;
    }
    const auto plan = plan_on(host, intents, CpuSet{});
    EXPECT_NE(host.nodes_of(plan.domains[0].claim), host.nodes_of(plan.domains[1].claim));
}

TEST(Memory, HugepagesDecideTheNode)
{
    auto host = two_nodes();
    host.nodes[0].hugepages = {{.page_kib = 2048, .total = 1, .free = 1}};
    host.nodes[1].hugepages = {{.page_kib = 2048, .total = 8, .free = 8}};
    auto vm = domain("vm", 4);
    vm.memory_kib = 8192;
    vm.hugepage_kib = 2048;
    EXPECT_EQ(host.nodes_of(plan_on(host, {vm}, CpuSet{}).domains.front().claim),
              NodeSet{NodeId{1}});
}

// Giving back and booking again in another order, as where a rearrangement is undone.
TEST(Memory, BookingsThatOverlapMeanwhileMakeNone)
{
    auto host = two_nodes();
    const HostIndex index{host};
    MemoryLedger ledger{index};
    auto vm = domain("vm", 1);
    vm.memory_kib = 12 * gib; // of the 16 GiB of the node
    const NodeSet node{NodeId{0}};
    const auto first = ledger.take(vm, node);
    ledger.give_back(first);
    const auto second = ledger.take(vm, node);
    ledger.take_again(first);
    EXPECT_EQ(ledger.available(vm)[0], 0U);
    ledger.give_back(second);
    EXPECT_EQ(ledger.available(vm)[0], 4 * gib);
    ledger.give_back(first);
    EXPECT_EQ(ledger.available(vm)[0], 16 * gib);
}

TEST(Memory, InHugepagesIsNotThereForSmallPages)
{
    auto host = two_nodes(); // with 16 GiB each
    host.nodes[0].hugepages = {{.page_kib = gib, .total = 14, .free = 14}};
    auto vm = domain("vm", 4);
    vm.memory_kib = 4 * gib;
    EXPECT_EQ(host.nodes_of(plan_on(host, {vm}, CpuSet{}).domains[0].claim), NodeSet{NodeId{1}});
    EXPECT_EQ(host.nodes_of(vcpu_cpus(plan_on(host, {[&] {
                                                  auto floats = shared("s", 4);
                                                  floats.memory_kib = 4 * gib;
                                                  return floats;
                                              }()},
                                              CpuSet{})
                                          .domains[0])),
              NodeSet{NodeId{1}});
    host.nodes[1].hugepages = {{.page_kib = gib, .total = 13, .free = 13}};
    vm.policy.fallback = Fallback::fail;
    vm.memory_kib = 6 * gib;
    EXPECT_FALSE(plan_on(host, {vm}, CpuSet{}).domains[0].satisfied);
    host.nodes[1].hugepages.front().total = std::numeric_limits<std::uint64_t>::max();
    EXPECT_EQ(host.nodes[1].ordinary_kib(), 0U);
}

TEST(Memory, OfACellWhoseVcpusAreAllOfflineIsWhereTheOthersAre)
{
    auto host = two_nodes();
    auto vm = domain("vm", 4);
    vm.vcpus_online = VcpuSet::range(0, 1);
    vm.cells = {{.id = 0, .vcpus = VcpuSet::range(0, 1), .memory_kib = 2 * gib},
                {.id = 1, .vcpus = VcpuSet::range(2, 3), .memory_kib = 2 * gib}};
    vm.memory_kib = 4 * gib;
    host.nodes[0].memory_kib = 3 * gib;
    host.nodes[1].memory_kib = 5 * gib;
    const auto plan = plan_on(host, {vm}, CpuSet{}).domains[0];
    EXPECT_EQ(plan.placement, Placement::dedicated);
    EXPECT_TRUE(plan.optimal);
    EXPECT_EQ(host.nodes_of(plan.claim), NodeSet{NodeId{1}});
    EXPECT_EQ(plan.numatune->cells.at(1), NodeSet{NodeId{1}});
    host.nodes[1].memory_kib = 3 * gib; // each cell for itself would fit
    EXPECT_EQ(host.nodes_of(plan_on(host, {vm}, CpuSet{}).domains[0].claim).size(), 2U);
}

// Two nodes with room for one domain of 3 GiB each, as a file describes them.
Topology two_nodes_with_hugepages()
{
    auto host = two_nodes();
    for (auto& node : host.nodes) {
        node.hugepages = {{.page_kib = 2048, .total = 2048, .free = 2048}};
    }
    return host;
}

TEST(Memory, OfARunningDomainIsNotAskedForAgain)
{
    auto host = regular_host({.cores = 4});
    host.nodes[0].memory_kib = 32000;
    host.nodes[0].free_memory_kib = 5000;
    auto vm = domain("big", 2);
    vm.memory_kib = 24000;
    vm.has_memory = true; // started a moment ago, pinned nowhere
    EXPECT_EQ(plan_on(host, {vm}).domains.front().placement, Placement::dedicated);
    auto nodes = two_nodes();
    for (auto& node : nodes.nodes) {
        node.memory_kib = 32000;
        node.free_memory_kib = 5000;
    }
    EXPECT_EQ(plan_on(nodes, {vm}).domains.front().placement, Placement::dedicated);
    vm.memory_kib = 40000; // on both nodes
    const auto over_both = plan_on(nodes, {vm}).domains.front();
    EXPECT_EQ(nodes.nodes_of(vcpu_cpus(over_both)).size(), 2U);
}

TEST(Memory, OfTheOnlyNodeMayBeOvercommittedByDomainsTogetherButNotByOne)
{
    auto host = regular_host({.cores = 4});
    host.nodes[0].memory_kib = 32000;
    host.nodes[0].free_memory_kib = 5000;
    std::vector<Intent> intents{domain("a", 2), domain("b", 2)};
    intents[0].memory_kib = 24000;
    intents[1].memory_kib = 24000;
    const auto plan = plan_on(host, intents);
    EXPECT_EQ(plan.domains[0].placement, Placement::dedicated);
    EXPECT_EQ(plan.domains[1].placement, Placement::dedicated);
    intents[1].memory_kib = 48000;
    EXPECT_TRUE(says(plan_on(host, intents).domains[1], ReasonCode::memory_short));
}

TEST(Memory, SizeOfNodesCountsWhereFreeMemoryIsUnknown)
{
    auto host = two_nodes();
    host.nodes[0].memory_kib = 8000;
    host.nodes[1].memory_kib = 8000;
    auto vm = domain("vm", 4);
    vm.memory_kib = 100000;
    const auto plan = plan_on(host, {vm}).domains.front();
    EXPECT_FALSE(plan.satisfied);
    EXPECT_TRUE(says(plan, ReasonCode::memory_short));
    vm.memory_kib = 12000;
    const auto over_both = plan_on(host, {vm}).domains.front();
    EXPECT_EQ(host.nodes_of(vcpu_cpus(over_both)).size(), 2U);
}

TEST(Memory, SharedDomainsReserveTheirs)
{
    const auto host = two_nodes_with_hugepages();
    std::vector<Intent> intents;
    for (const auto* name : {"s0", "s1", "s2"}) {
        intents.push_back(with_hugepages(shared(name, 4), 3 * gib));
    }
    const auto plan = plan_on(host, intents);
    EXPECT_NE(host.nodes_of(vcpu_cpus(plan.domains[0])), host.nodes_of(vcpu_cpus(plan.domains[1])));
    EXPECT_TRUE(plan.domains[1].satisfied);
    EXPECT_FALSE(plan.domains[2].satisfied);
    EXPECT_TRUE(says(plan.domains[2], ReasonCode::memory_short));
}

TEST(Memory, OfADomainOnSeveralNodesIsInEqualPartsWhereThereIsSome)
{
    auto host = regular_host({.packages = 3, .cores = 2, .threads = 1});
    host.nodes[0].memory_kib = 0;
    host.nodes[1].memory_kib = 4096;
    host.nodes[2].memory_kib = 2048;
    auto large = shared("large", 6);
    large.memory_kib = 4096;
    auto small = shared("small", 1);
    small.memory_kib = 2048;
    const auto plan = plan_on(host, {large, small}, CpuSet{});
    EXPECT_EQ(vcpu_cpus(plan.domains[0]), cpus("0-5"));
    EXPECT_EQ(vcpu_cpus(plan.domains[1]), cpus("2-3"));
}

TEST(Memory, IsNotBoundToNodesThatDoNotHaveIt)
{
    auto host = two_nodes();
    host.nodes[0].memory_kib = host.nodes[1].memory_kib = 8000;
    auto whole = domain("whole", 8);
    whole.memory_kib = 4000;
    auto part = domain("part", 6);
    part.memory_kib = 6000;
    auto late = domain("late", 4); // floats on what is left of node 0, which has 2000
    late.memory_kib = 3000;
    late.memory_locked = true;
    late.cells = {{.id = 0, .vcpus = VcpuSet::range(0, 3)}};
    auto plan = plan_on(host, {whole, part, late}, CpuSet{}).domains[2];
    EXPECT_EQ(plan.placement, Placement::shared);
    EXPECT_EQ(host.nodes_of(vcpu_cpus(plan)).size(), 1U);
    ASSERT_TRUE(plan.numatune.has_value());
    EXPECT_EQ(plan.numatune->nodes, (NodeSet{NodeId{0}, NodeId{1}}));
    EXPECT_EQ(plan.numatune->cells.at(0), plan.numatune->nodes);
    EXPECT_TRUE(says(plan, ReasonCode::memory_follows,
                     {{"nodes", plan.numatune->nodes}, {"elsewhere", true}}));
    late.memory_kib = 7000;
    plan = plan_on(host, {whole, part, late}, CpuSet{}).domains[2];
    EXPECT_FALSE(plan.numatune.has_value());
    EXPECT_TRUE(says(plan, ReasonCode::memory_short,
                     {{"wanted", ReasonPhrase::free_memory}, {"memory", MemoryAmount{7000}}}));
}

TEST(Memory, DormantDomainsTakeTheirsFromNobody)
{
    const auto host = two_nodes_with_hugepages();
    std::vector<Intent> intents;
    for (const auto* name : {"d0", "d1", "d2"}) {
        intents.push_back(with_hugepages(domain(name, 4), 3 * gib));
        intents.back().activity = Activity::dormant;
    }
    const auto plan = plan_on(host, intents);
    EXPECT_NE(host.nodes_of(vcpu_cpus(plan.domains[0])), host.nodes_of(vcpu_cpus(plan.domains[1])));
    EXPECT_TRUE(plan.domains[2].satisfied) << "the others are off when it starts, perhaps";
    intents.push_back(with_hugepages(shared("active", 4), 3 * gib));
    EXPECT_TRUE(plan_on(host, intents).domains[3].satisfied);
}

TEST(Memory, RunningDomainsHaveTheirsWhereFreeMemoryIsUnknown)
{
    auto host = two_nodes_with_hugepages();
    auto old = with_hugepages(running_on(domain("old", 4), {1, 2, 9, 10}), 3 * gib);
    old.memory_nodes = {NodeId{0}};
    auto newcomer = with_hugepages(domain("new", 2), 3 * gib);
    newcomer.policy.cpus = host.nodes[0].cpus;
    const auto plan = plan_on(host, {old, newcomer});
    EXPECT_EQ(plan.domains[0].placement, Placement::dedicated);
    EXPECT_FALSE(plan.domains[1].satisfied);
    EXPECT_TRUE(says(plan.domains[1], ReasonCode::memory_short));
    for (auto& node : host.nodes) { // a live host, where somebody else has a page on each node
        node.hugepages.front().total += 1537;
    }
    EXPECT_TRUE(plan_on(host, {old, newcomer}).domains[1].satisfied);
}

TEST(LockedMemory, KeepsARunningDomainOnItsNodes)
{
    auto host = two_nodes();
    auto vm = domain("vm", 4);
    vm.activity = Activity::running;
    vm.memory_locked = true;
    vm.memory_nodes = {NodeId{1}};
    vm.policy.move = MoveLimit::node;
    const auto plan = plan_on(host, {vm}, CpuSet{}).domains.front();
    EXPECT_EQ(host.nodes_of(plan.claim), NodeSet{NodeId{1}});
    EXPECT_EQ(plan.numatune->mode, NumaMode::strict);
}

TEST(LockedMemory, SharedDomainFloatsOnItsNodesEvenWithoutAPool)
{
    const auto host = two_nodes();
    const auto other = running_on(domain("d", 8), {4, 12, 5, 13, 6, 14, 7, 15});
    auto vm = shared("s", 4);
    vm.activity = Activity::running;
    vm.memory_locked = true;
    vm.memory_nodes = {NodeId{1}};
    const auto plan = plan_on(host, {other, vm});
    EXPECT_EQ(vcpu_cpus(plan.domains[1]), host.nodes[1].cpus);
    EXPECT_FALSE(plan.domains[1].satisfied);
    EXPECT_TRUE(says(plan.domains[1], ReasonCode::memory_locked));
    EXPECT_TRUE(says(plan.domains[1], ReasonCode::no_pool));
    EXPECT_TRUE(says(plan.domains[0], ReasonCode::claim_overrun));
    EXPECT_TRUE(plan_on(host, {vm}).domains[0].satisfied);
}

TEST(LockedMemory, SharedDomainFloatsOnAllNodesOfItsMemoryWhoeverComes)
{
    const auto host = two_nodes_with_hugepages();
    const auto running = [](std::string name, NodeSet memory_nodes) {
        auto vm = with_hugepages(shared(std::move(name), 4), 3 * gib);
        vm.activity = Activity::running;
        vm.memory_nodes = std::move(memory_nodes);
        return vm;
    };
    const auto vm = running("both", NodeSet{NodeId{0}, NodeId{1}});
    const auto alone = plan_on(host, {vm});
    EXPECT_TRUE(alone.domains[0].satisfied);
    EXPECT_EQ(vcpu_cpus(alone.domains[0]), alone.pool);
    const auto beside = plan_on(host, {vm, running("beside", NodeSet{NodeId{1}})});
    EXPECT_EQ(vcpu_cpus(beside.domains[0]), alone.pool);
}

TEST(LockedMemory, DomainIsDisplacedOnlyWhereItCanFloatOnItsNodes)
{
    const auto host = two_nodes();
    auto old = running_on(domain("old", 4), {4, 12, 5, 13});
    old.memory_locked = true;
    old.memory_nodes = {NodeId{1}};
    auto urgent = domain("urgent", 8);
    urgent.policy.priority = 5;
    urgent.policy.cpus = host.nodes[1].cpus;
    const auto stays = plan_on(host, {old, urgent});
    EXPECT_EQ(stays.domains[0].placement, Placement::dedicated);
    EXPECT_EQ(stays.domains[1].placement, Placement::shared);
    urgent.vcpus_max = 6;
    urgent.vcpus_online = VcpuSet::range(0, 5);
    const auto yields = plan_on(host, {old, urgent});
    EXPECT_EQ(yields.domains[1].placement, Placement::dedicated);
    EXPECT_EQ(yields.domains[0].placement, Placement::shared);
    EXPECT_EQ(host.nodes_of(vcpu_cpus(yields.domains[0])), NodeSet{NodeId{1}});
    EXPECT_TRUE(says(yields.domains[0], ReasonCode::memory_locked));
}

} // namespace
} // namespace virtpind::test
