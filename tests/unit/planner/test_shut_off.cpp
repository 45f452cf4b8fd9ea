// SPDX-License-Identifier: LGPL-2.1-or-later
// The definitions of guests that are off do not depend on who happens to run.
#include "tests/support/plan_case.hpp"

#include <gtest/gtest.h>

namespace virtpind::test {
namespace {

Intent off(Intent intent)
{
    intent.activity = Activity::dormant;
    intent.shut_off = true;
    return intent;
}

Intent with_gpu(Intent intent)
{
    intent.exclusive = {"PCI device 0000:01:00.0"};
    intent.memory_locked = true;
    return intent;
}

// As it is once it runs where `plan` puts it.
Intent running(Intent intent, const DomainPlan& plan)
{
    intent.activity = Activity::running;
    intent.shut_off = false;
    intent.has_our_pins = false;
    intent.has_memory = true;
    intent.current.vcpus = plan.vcpus;
    return intent;
}

// As it is once its definition is what `plan` says.
Intent defined(Intent intent, const DomainPlan& plan)
{
    intent.current.vcpus = plan.vcpus;
    intent.current.emulator = plan.emulator;
    intent.has_our_pins = true;
    return intent;
}

// Six cores, siblings N and N+6; housekeeping is 0,6.
Topology desktop()
{
    return regular_host({.cores = 6});
}

Topology with_pages(Topology host, std::vector<std::uint64_t> pages, std::uint64_t page_kib = 2048)
{
    for (std::size_t node = 0; node < pages.size(); ++node) {
        host.nodes[node].hugepages = {
            {.page_kib = page_kib, .total = pages[node], .free = pages[node]}};
    }
    return host;
}

TEST(SharedDevice, GuestsThatAreOffAreEachPlannedAlone)
{
    std::vector<Intent> guests;
    for (const auto& [name, vcpus] : {std::pair{"a", 8U}, {"b", 10U}, {"c", 10U}, {"d", 6U}}) {
        guests.push_back(with_gpu(off(domain(name, vcpus))));
    }
    const auto plan = plan_on(desktop(), guests);
    for (std::size_t i = 0; i < guests.size(); ++i) {
        const auto alone = plan_on(desktop(), {guests[i]}).domains.front();
        EXPECT_EQ(plan.domains[i].placement, Placement::dedicated);
        EXPECT_EQ(plan.domains[i].vcpus, alone.vcpus);
        EXPECT_TRUE(plan.domains[i].satisfied);
    }
}

TEST(SharedDevice, DefinitionsOfTheOthersStayWhenOneRuns)
{
    std::vector<Intent> guests{with_gpu(off(domain("a", 8))), with_gpu(off(domain("b", 10))),
                               with_gpu(off(domain("c", 10)))};
    const auto before = plan_on(desktop(), guests);
    for (std::size_t i = 0; i < guests.size(); ++i) {
        guests[i] = defined(guests[i], before.domains[i]);
    }
    guests[1] = running(guests[1], before.domains[1]);
    const auto beside = plan_on(desktop(), guests);
    for (const auto i : {0U, 2U}) {
        EXPECT_EQ(beside.domains[i].vcpus, before.domains[i].vcpus);
        EXPECT_EQ(beside.domains[i].emulator, before.domains[i].emulator);
        EXPECT_TRUE(beside.domains[i].satisfied);
        EXPECT_TRUE(beside.domains[i].awaits);
        EXPECT_TRUE(says(beside.domains[i], ReasonCode::device_in_use, {{"rival", "b"}}));
    }
    EXPECT_FALSE(says(beside.domains[1], ReasonCode::device_in_use));
    EXPECT_EQ(beside.pool, plan_on(desktop(), {guests[1]}).pool);
}

// Somebody else wrote them into the definition, and the guest never ran there.
TEST(ShutOff, PinsOfOthersTellCpusAndNoOrder)
{
    const auto pinned = [](std::initializer_list<std::uint32_t> numbers) {
        return off(running_on(domain("a", 4), numbers));
    };
    auto guest = pinned({9, 2, 8, 3});
    const auto sorted = plan_on(desktop(), {pinned({2, 8, 3, 9})}).domains.front();
    EXPECT_EQ(sorted.claim, cpus("2-3,8-9"));
    for (const auto activity : {Activity::dormant, Activity::arriving}) {
        guest.activity = activity;
        const auto plan = plan_on(desktop(), {guest}).domains.front();
        EXPECT_EQ(plan.vcpus, sorted.vcpus);
        EXPECT_EQ(plan.cost[CostTerm::moves], 0U);
    }
    guest.has_memory = true; // it runs there
    EXPECT_EQ(plan_on(desktop(), {guest}).domains.front().vcpus, guest.current.vcpus);
}

TEST(SharedDevice, DefinitionsThatAreAboutToStartAreAlternatives)
{
    std::vector<Intent> guests{with_gpu(domain("a", 10)), with_gpu(domain("b", 10))};
    const auto both = plan_on(desktop(), guests);
    EXPECT_EQ(both.domains[1].placement, Placement::shared) << "they have started, somehow";
    for (auto& guest : guests) {
        guest.shut_off = true;
    }
    const auto either = plan_on(desktop(), guests);
    EXPECT_EQ(either.domains[0].vcpus, either.domains[1].vcpus);
    EXPECT_TRUE(says(either.domains[0], ReasonCode::device_in_use, {{"rivals", NameList{"b"}}}));
}

TEST(SharedDevice, DomainThatFloatsDoesSoAsIfTheOtherWereOff)
{
    const auto host = two_nodes();
    auto runs = with_gpu(domain("runs", 8));
    runs = running(runs, plan_on(host, {runs}, CpuSet{}).domains.front());
    const auto waits = with_gpu(off(shared("waits", 8)));
    const auto alone = plan_on(host, {waits}, CpuSet{}).domains.front();
    EXPECT_EQ(plan_on(host, {runs, waits}, CpuSet{}).domains[1].vcpus, alone.vcpus);
    const auto other = off(shared("other", 8));
    EXPECT_NE(plan_on(host, {runs, other}, CpuSet{}).domains[1].vcpus, alone.vcpus);
}

TEST(SharedDevice, MemoryOfTheOtherCountsAsFree)
{
    auto host = with_pages(two_nodes(), {4096, 8192});
    const auto waits = with_gpu(off(with_hugepages(domain("waits", 4), 12 * gib)));
    auto runs = with_gpu(with_hugepages(domain("runs", 4), 12 * gib));
    const auto alone = plan_on(host, {waits}, CpuSet{}).domains.front();
    runs = running(runs, plan_on(host, {runs}, CpuSet{}).domains.front());
    runs.memory_nodes = {NodeId{1}};
    for (const auto live : {false, true}) {
        host.nodes[1].hugepages.front().free = live ? 8192 - 6144 : 8192;
        const auto beside = plan_on(host, {runs, waits}, CpuSet{}).domains[1];
        EXPECT_EQ(beside.vcpus, alone.vcpus) << live;
        EXPECT_FALSE(says(beside, ReasonCode::missing_now)) << live;
    }
}

TEST(TakenCpus, GuestThatIsOffKeepsItsDefinition)
{
    const auto host = desktop();
    auto guest = off(domain("guest", 8));
    guest = defined(guest, plan_on(host, {guest}).domains.front());
    auto big = domain("big", 6);
    big = running(big, plan_on(host, {big}).domains.front());
    const auto both = plan_on(host, {big, guest});
    const auto& plan = both.domains[1];
    EXPECT_EQ(plan.placement, Placement::dedicated);
    EXPECT_EQ(plan.vcpus, guest.current.vcpus);
    EXPECT_TRUE(plan.satisfied);
    EXPECT_TRUE(plan.awaits);
    const DomainsOnCpus owners{{"big", both.domains[0].claim & (plan.claim | vcpu_cpus(plan))}};
    EXPECT_TRUE(says(plan, ReasonCode::cpus_taken, {{"owners", owners}}));
    auto starts = guest; // beside the other it cannot have what it asks for
    starts.activity = Activity::arriving;
    starts.shut_off = false;
    EXPECT_FALSE(plan_on(host, {big, starts}).domains[1].satisfied);
}

TEST(TakenCpus, GuestThatFitsElsewhereIsPlannedThere)
{
    const auto host = two_nodes();
    auto guest = off(domain("guest", 6));
    guest = defined(guest, plan_on(host, {guest}, CpuSet{}).domains.front());
    auto other = running(domain("other", 6), plan_on(host, {guest}, CpuSet{}).domains.front());
    const auto plan = plan_on(host, {other, guest}, CpuSet{}).domains[1];
    EXPECT_FALSE(plan.awaits);
    EXPECT_NE(plan.vcpus, guest.current.vcpus);
    EXPECT_EQ(plan.cost[CostTerm::nodes], 1U);
    const auto again = plan_on(host, {other, defined(guest, plan)}, CpuSet{}).domains[1];
    EXPECT_EQ(again.vcpus, plan.vcpus);
}

TEST(TakenCpus, GuestTooLargeForTheHostIsNotSatisfied)
{
    const auto plan = plan_on(desktop(), {off(domain("huge", 12))}).domains.front();
    EXPECT_FALSE(plan.satisfied);
    EXPECT_EQ(plan.placement, Placement::shared);
}

TEST(TakenCpus, GuestThatFloatsWaitsForAPoolThatHoldsIt)
{
    const auto host = desktop();
    auto big = domain("big", 10);
    big = running(big, plan_on(host, {big}).domains.front());
    const auto plan = plan_on(host, {big, off(shared("floats", 4))}).domains[1];
    EXPECT_EQ(plan.vcpus.begin()->second, cpus("1-5,7-11"));
    EXPECT_TRUE(plan.satisfied);
    EXPECT_TRUE(says(plan, ReasonCode::cpus_taken));
}

TEST(MissingPages, DecideNothingAboutCpusOnOneNode)
{
    for (const auto& guest : {domain("starts", 8), off(domain("off", 8))}) {
        const auto without = plan_on(desktop(), {guest}).domains.front();
        const auto host = with_pages(desktop(), {0});
        const auto plan = plan_on(host, {with_hugepages(guest, 16 * gib)}).domains.front();
        EXPECT_EQ(plan.placement, Placement::dedicated);
        EXPECT_EQ(plan.vcpus, without.vcpus);
        EXPECT_TRUE(plan.satisfied);
        EXPECT_TRUE(plan.awaits);
        EXPECT_TRUE(says(plan, ReasonCode::missing_now,
                         {{"missing", MemoryAmount{16 * gib}}, {"page", PageSize{2048}}}));
    }
}

TEST(MissingPages, CountWhatIsThereAndWhatOthersNeed)
{
    const auto host = with_pages(desktop(), {4096}); // 8 GiB
    auto plan = plan_on(host, {with_hugepages(domain("a", 2), 8 * gib)});
    EXPECT_FALSE(says(plan.domains[0], ReasonCode::missing_now));
    plan = plan_on(
        host, {with_hugepages(domain("a", 2), 6 * gib), with_hugepages(domain("b", 2), 6 * gib)});
    EXPECT_FALSE(says(plan.domains[0], ReasonCode::missing_now));
    EXPECT_TRUE(
        says(plan.domains[1], ReasonCode::missing_now, {{"missing", MemoryAmount{4 * gib}}}));
}

TEST(MissingPages, OnSeveralNodesTheDefinitionStaysWhereItIs)
{
    auto guest = off(with_hugepages(domain("guest", 4), 4 * gib));
    guest = defined(guest,
                    plan_on(with_pages(two_nodes(), {0, 2048}), {guest}, CpuSet{}).domains.front());
    const auto home = guest.current.vcpus.begin()->second;
    ASSERT_TRUE(two_nodes().nodes[1].cpus.includes(home));
    const auto plan = plan_on(with_pages(two_nodes(), {0, 0}), {guest}, CpuSet{}).domains.front();
    EXPECT_EQ(plan.vcpus, guest.current.vcpus);
    EXPECT_TRUE(plan.satisfied);
    EXPECT_TRUE(says(plan, ReasonCode::missing_now, {{"missing", MemoryAmount{4 * gib}}}));
    auto starts = guest;
    starts.activity = Activity::arriving;
    starts.shut_off = false;
    EXPECT_FALSE(
        plan_on(with_pages(two_nodes(), {0, 0}), {starts}, CpuSet{}).domains.front().satisfied);
}

TEST(MissingPages, OfASizeThatTheHostDoesNotHaveAreNotWaitedFor)
{
    const auto host = with_pages(two_nodes(), {1290, 758});
    for (const auto& guest : {domain("starts", 2), off(domain("off", 2))}) {
        const auto plan = plan_on(host, {with_hugepages(guest, gib, 1024 * 1024)}).domains.front();
        EXPECT_FALSE(plan.satisfied);
        EXPECT_TRUE(says(plan, ReasonCode::memory_short, {{"page", PageSize{gib}}}));
    }
    const auto silent = plan_on(two_nodes(), {with_hugepages(domain("vm", 2), gib)});
    EXPECT_TRUE(silent.domains.front().satisfied) << "the host tells of no hugepages at all";
}

TEST(MissingMemory, OfAGuestThatIsOffIsToldAndDecidesNothing)
{
    auto host = two_nodes();
    for (auto& node : host.nodes) {
        node.memory_kib = 16 * gib;
        node.free_memory_kib = 2 * gib;
    }
    auto guest = off(domain("guest", 4));
    guest.memory_kib = 8 * gib;
    const auto plan = plan_on(host, {guest}, CpuSet{}).domains.front();
    EXPECT_EQ(plan.placement, Placement::dedicated);
    EXPECT_EQ(plan.cost[CostTerm::nodes], 1U);
    EXPECT_TRUE(plan.satisfied);
    EXPECT_TRUE(says(plan, ReasonCode::missing_now, {{"missing", MemoryAmount{4 * gib}}}));
}

TEST(ShutOff, SecondPlanFromTheFirstChangesNothing)
{
    const auto host = with_pages(two_nodes(), {512, 512});
    std::vector<Intent> guests{with_gpu(off(domain("a", 8))), with_gpu(off(domain("b", 12))),
                               off(with_hugepages(domain("c", 4), 8 * gib)), off(shared("d", 4)),
                               domain("e", 6)};
    auto plan = plan_on(host, guests);
    for (std::size_t i = 0; i < guests.size(); ++i) {
        guests[i] =
            i < 4 ? defined(guests[i], plan.domains[i]) : running(guests[i], plan.domains[i]);
    }
    const auto again = plan_on(host, guests);
    for (std::size_t i = 0; i < guests.size(); ++i) {
        EXPECT_EQ(again.domains[i].vcpus, plan.domains[i].vcpus) << guests[i].name;
        EXPECT_EQ(again.domains[i].emulator, plan.domains[i].emulator) << guests[i].name;
    }
}

// Where its threads have a core of their own, a better place may show only from another one.
TEST(ShutOff, DefinitionsAreThoseThatTheirOwnPlanKeeps)
{
    struct Pair {
        std::uint32_t cores = 0; // of each L3; there are two packages of two
        std::uint32_t vcpus = 0;
        std::uint32_t others = 0;
        SmtChoice smt = SmtChoice::prefer; // of the other
    };

    for (const auto& pair : {Pair{2, 3, 2, SmtChoice::prefer}, Pair{3, 5, 3, SmtChoice::automatic},
                             Pair{3, 5, 4, SmtChoice::require}, Pair{4, 7, 6, SmtChoice::prefer}}) {
        const auto host = regular_host({.packages = 2, .l3s = 2, .cores = pair.cores});
        std::vector<Intent> guests{off(domain("a", pair.vcpus)), off(domain("b", pair.others))};
        guests[0].topology = GuestTopology{.cores = pair.vcpus, .threads = 1};
        guests[1].policy.smt = pair.smt;
        for (auto& guest : guests) {
            guest.policy.emulator.mode = ThreadChoice::Mode::own;
        }
        const auto plan = plan_on(host, guests);
        for (std::size_t i = 0; i < guests.size(); ++i) {
            guests[i] = defined(guests[i], plan.domains[i]);
        }
        const auto again = plan_on(host, guests);
        for (std::size_t i = 0; i < guests.size(); ++i) {
            EXPECT_EQ(again.domains[i].vcpus, plan.domains[i].vcpus) << pair.vcpus << " " << i;
            EXPECT_EQ(again.domains[i].emulator, plan.domains[i].emulator)
                << pair.vcpus << " " << i;
        }
    }
}

// Found at random: nobody gets housekeeping's core who starts where that leaves it half a one, so
// no definition counts on it, the present one included.
TEST(ShutOff, DefinitionLeavesHousekeepingAWholeCore)
{
    const auto host =
        host_of_cores({{.cpus = {0, 1, 2, 3}}, {.cpus = {4, 5, 6, 7}, .node = 1, .l3 = 1}});
    auto whole = off(domain("whole", 1));
    whole.policy.smt = SmtChoice::require;
    PlanRequest request{.topology = &host,
                        .usable = cpus("0-6"),
                        .housekeeping = std::nullopt,
                        .intents = {running_on(domain("runs", 1), {4}), whole}};
    const auto first = make_plan(request).domains[1];
    EXPECT_EQ(first.claim, cpus("0-3"));
    request.intents[1] = defined(whole, first);
    const auto again = make_plan(request).domains[1];
    EXPECT_EQ(again.vcpus, first.vcpus);
    EXPECT_EQ(again.emulator, first.emulator);
}

} // namespace
} // namespace virtpind::test
