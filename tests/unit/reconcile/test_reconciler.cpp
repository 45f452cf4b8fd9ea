// SPDX-License-Identifier: LGPL-2.1-or-later
// Passes over domains that start, stop, are edited and belong to others.
#if defined(__GNUC__) && !defined(__clang__)
// g++ 14 takes what an optional variant holds for uninitialized where it inlines the copy.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "tests/support/spine.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace virtpind::test {
namespace {

TEST_F(ReconcilerTest, TouchesNoDomainWithoutAPolicy)
{
    host_.add(1, "web1", 4, 1);
    connect();
    EXPECT_TRUE(host_.applied.empty());
    EXPECT_EQ(record(1).state, PinState::idle);
    EXPECT_EQ(sink_.manager.state, "ready");
    ASSERT_EQ(sink_.domains.size(), 1U);
    EXPECT_EQ(sink_.domains[0].policy, "none");
}

TEST_F(ReconcilerTest, PolicyPinsLiveAndDefinitionAfterSavingHowItWas)
{
    host_.add(1, "web1", 4, 1);
    connect();
    const auto generation = set_policy(1, "dedicated");
    ASSERT_TRUE(generation) << generation.error().message;
    EXPECT_EQ(record(1).state, PinState::pinned);
    EXPECT_TRUE(host_.images.contains(FakeHost::uuid(1)));
    EXPECT_EQ(domain(1).running->pins.vcpus, domain(1).definition->pins.vcpus);
    CpuSet used;
    for (const auto& [vcpu, cpus] : domain(1).running->pins.vcpus) {
        EXPECT_EQ(cpus.size(), 1U);
        used |= cpus;
    }
    EXPECT_EQ(used.size(), 4U);
    EXPECT_EQ(sink_.results.back().second, "pinned");
}

TEST_F(ReconcilerTest, PassThatFindsNothingWritesNothing)
{
    host_.add(1, "web1", 4, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    const auto before = host_.applied.size();
    changed(1, "tunable");
    changed(1, "tunable");
    EXPECT_EQ(host_.applied.size(), before);
}

TEST_F(ReconcilerTest, EventsDuringAPassMakeExactlyOneMore)
{
    host_.add(1, "web1", 4, 1);
    reconciler_.on_event(LibvirtConnected{.uri = "fake:///", .driver = "Fake"});
    for (int i = 0; i < 100; ++i) {
        reconciler_.on_event(DomainChanged{.uuid = FakeHost::uuid(1), .what = "tunable"});
    }
    host_.answer_all();
    EXPECT_EQ(host_.observations, 2);
}

TEST_F(ReconcilerTest, RestartedDomainIsPinnedAgainAndOthersKeepTheirPins)
{
    host_.add(1, "web1", 4, 1);
    host_.add(2, "web2", 4, 2);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    ASSERT_TRUE(set_policy(2, "dedicated"));
    const auto pins = domain(2).running->pins.vcpus;
    FakeHost::stop(domain(1));
    changed(1, "stopped");
    EXPECT_EQ(record(1).state, PinState::idle);
    FakeHost::start(domain(1), 9);
    changed(1, "started");
    EXPECT_EQ(record(1).state, PinState::pinned);
    EXPECT_EQ(domain(2).running->pins.vcpus, pins);
    CpuSet first;
    CpuSet second;
    for (std::uint32_t i = 0; i < 4; ++i) {
        first |= domain(1).running->pins.vcpus.at(VcpuId{i});
        second |= domain(2).running->pins.vcpus.at(VcpuId{i});
    }
    EXPECT_FALSE(first.intersects(second));
}

TEST_F(ReconcilerTest, AnotherPolicyPlacesAnewTheSameOneDoesNot)
{
    host_.add(1, "web1", 2, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    const auto paired = domain(1).running->pins.vcpus;
    ASSERT_TRUE(set_policy(1, "dedicated", {{"cache", std::string{"pack"}}}));
    ASSERT_TRUE(set_policy(1, "dedicated", {{"cpus", std::string{"5-7,13-15"}}}));
    EXPECT_NE(domain(1).running->pins.vcpus, paired);
    const auto moved = domain(1).running->pins.vcpus;
    ASSERT_TRUE(set_policy(1, "dedicated", {{"cpus", std::string{"5-7,13-15"}}}));
    EXPECT_EQ(domain(1).running->pins.vcpus, moved);
    ASSERT_TRUE(set_policy(1, "dedicated", {{"smt", std::string{"isolate"}}}));
    const auto cpu = [this](std::uint32_t vcpu) {
        return raw(domain(1).running->pins.vcpus.at(VcpuId{vcpu}).front());
    };
    EXPECT_NE(cpu(0) % 8, cpu(1) % 8);
}

TEST_F(ReconcilerTest, PluggedVcpuGetsACpuOfItsOwn)
{
    auto& seen = host_.add(1, "web1", 4, 1);
    seen.facts.vcpus_online = VcpuSet::range(0, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    const auto first = seen.running->pins.vcpus.at(VcpuId{0});
    EXPECT_EQ(seen.running->pins.vcpus.at(VcpuId{2}),
              seen.running->pins.vcpus.at(VcpuId{0}) | seen.running->pins.vcpus.at(VcpuId{1}));
    seen.facts.vcpus_online.insert(VcpuId{2});
    changed(1);
    EXPECT_EQ(seen.running->pins.vcpus.at(VcpuId{2}).size(), 1U);
    EXPECT_EQ(seen.running->pins.vcpus.at(VcpuId{0}), first);
}

TEST_F(ReconcilerTest, ForeignPinsAreLeftAloneAndTheirCpusAvoided)
{
    auto& foreign = host_.add(1, "hand", 2, 1);
    foreign.running->pins.vcpus = {{VcpuId{0}, CpuSet{CpuId{1}}}, {VcpuId{1}, CpuSet{CpuId{9}}}};
    host_.add(2, "web2", 4, 2);
    connect();
    EXPECT_EQ(record(1).state, PinState::foreign);
    ASSERT_TRUE(set_policy(2, "dedicated"));
    for (const auto& [vcpu, cpus] : domain(2).running->pins.vcpus) {
        EXPECT_FALSE(cpus.contains(CpuId{1}) || cpus.contains(CpuId{9})) << cpus.str();
    }
    EXPECT_EQ(foreign.running->pins.vcpus.at(VcpuId{0}), CpuSet{CpuId{1}});
}

TEST_F(ReconcilerTest, DomainThatCannotBeReadKeepsItsCpus)
{
    host_.add(1, "web1", 4, 1);
    host_.add(2, "web2", 4, 2);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    CpuSet taken;
    for (const auto& [vcpu, cpus] : domain(1).running->pins.vcpus) {
        taken |= cpus;
    }
    const auto readable = domain(1);
    ObservedDomain unreadable;
    unreadable.facts.uuid = readable.facts.uuid;
    unreadable.facts.name = readable.facts.name;
    unreadable.facts.id = readable.facts.id;
    unreadable.facts.state = RunState::other;
    unreadable.facts.metadata.content = Error{.code = Errc::internal, .message = "no XML"};
    domain(1) = unreadable;
    changed(1);
    EXPECT_EQ(record(1).state, PinState::failed);
    ASSERT_TRUE(set_policy(2, "dedicated"));
    for (const auto& [vcpu, cpus] : domain(2).running->pins.vcpus) {
        EXPECT_FALSE(cpus.intersects(taken)) << cpus.str();
    }
    domain(1) = readable;
    changed(1);
    EXPECT_EQ(record(1).state, PinState::pinned);
    EXPECT_EQ(domain(1).running->pins.vcpus, readable.running->pins.vcpus);
}

TEST_F(ReconcilerTest, TakingOverADomainMendsSiblingsThatWereSwapped)
{
    auto& seen = host_.add(1, "forum", 4, 1);
    seen.facts.topology = GuestTopology{.sockets = 1, .cores = 2, .threads = 2};
    for (std::uint32_t i = 0; i < 4; ++i) { // siblings of this host are n and n+8
        seen.running->pins.vcpus[VcpuId{i}] = CpuSet{CpuId{i + 2}};
    }
    connect();
    EXPECT_EQ(record(1).state, PinState::foreign);
    ASSERT_TRUE(set_policy(1, "dedicated"));
    const auto cpu = [&seen](std::uint32_t vcpu) {
        return raw(seen.running->pins.vcpus.at(VcpuId{vcpu}).front());
    };
    EXPECT_EQ(cpu(1), cpu(0) + 8);
    EXPECT_EQ(cpu(3), cpu(2) + 8);
}

// Three with one graphics card, and one with hugepages that a hook makes.
TEST_F(ReconcilerTest, DefinitionsDoNotDependOnWhichDomainRuns)
{
    for (const auto number : {1, 2, 3}) {
        host_.add(number, "vm" + std::to_string(number), 10, std::nullopt).facts.pci_devices = {
            "0000:01:00.0"};
    }
    auto& huge = host_.add(4, "huge", 10, std::nullopt).facts;
    huge.memory_kib = 16 << 20;
    huge.hugepage_kib = 2048;
    auto topology = sixteen_cpus();
    topology.nodes[0].hugepages = {{.page_kib = 2048, .total = 0, .free = 0}};
    topology.generation = 7;
    reconciler_.on_topology(std::make_shared<Topology>(topology));
    connect();
    for (const auto number : {1, 2, 3, 4}) {
        ASSERT_TRUE(set_policy(number, "dedicated", {{"fallback", std::string{"fail"}}}));
    }
    const auto definitions = [this] {
        std::vector<std::optional<PinSet>> all;
        for (const auto number : {1, 2, 3, 4}) {
            all.push_back(domain(number).definition_pins());
        }
        return all;
    };
    const auto before = definitions();
    for (const auto& pins : before) {
        EXPECT_EQ(pins->vcpus.at(VcpuId{0}).size(), 1U) << "each has its own CPUs";
    }
    FakeHost::start(host_.domains.at(FakeHost::uuid(2)), 7);
    changed(2, "started");
    EXPECT_EQ(definitions(), before);
    for (const auto number : {1, 3, 4}) {
        EXPECT_EQ(record(number).state, PinState::idle);
        EXPECT_TRUE(record(number).plan->satisfied);
        EXPECT_TRUE(record(number).plan->awaits);
    }
    FakeHost::stop(host_.domains.at(FakeHost::uuid(2)));
    changed(2, "stopped");
    EXPECT_EQ(definitions(), before);
}

TEST_F(ReconcilerTest, DomainWithAnActiveJobIsLeftAloneUntilTheJobEnds)
{
    host_.add(1, "web1", 4, 1).facts.job_active = true;
    host_.add(2, "web2", 2, 2);
    connect();
    const auto early = set_policy(1, "dedicated");
    ASSERT_FALSE(early);
    EXPECT_NE(early.error().message.find("migrated"), std::string::npos) << early.error().message;
    EXPECT_TRUE(host_.applied.empty());
    EXPECT_EQ(record(1).state, PinState::idle);
    ASSERT_TRUE(set_policy(2, "dedicated")) << "others are seen to";

    domain(1).facts.job_active = false;
    changed(1, "resumed");
    EXPECT_EQ(record(1).state, PinState::pinned);
    EXPECT_EQ(domain(1).running->pins.vcpus.size(), 4U);
}

TEST_F(ReconcilerTest, DomainThatIsMigratedAwayIsLeftAloneAndDelaysNoOther)
{
    host_.add(1, "web1", 4, 1);
    host_.add(2, "web2", 2, 2);
    connect();
    host_.busy.emplace(FakeHost::uuid(1), "migrated");
    const auto refused = set_policy(1, "dedicated", {}, flag_runtime_only);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("is being migrated"), std::string::npos);
    EXPECT_EQ(record(1).state, PinState::idle);
    ASSERT_TRUE(set_policy(2, "dedicated")) << "others are seen to";
    const auto asked = host_.applied.size();
    changed(1, "tunable");
    EXPECT_EQ(host_.applied.size(), asked) << "an event is no reason to ask again";

    host_.busy.clear(); // it failed, which nothing tells
    const auto done = reapply(1);
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(record(1).state, PinState::pinned);
    EXPECT_EQ(domain(1).running->pins.vcpus.size(), 4U);
}

TEST_F(ReconcilerTest, CallerDoesNotWaitForAThousandOtherDomains)
{
    constexpr int many = 1000;
    for (int number = 1; number <= many; ++number) {
        host_.add(number, "web" + std::to_string(number), 1, number);
    }
    connect();
    bool held = false;
    bool all_done = false;
    host_.before_apply = [this, &held] {
        host_.before_apply = nullptr;
        controller_.hold(FakeHost::uuid(many), "benchmark", ":1.7", [&held, this](const auto& got) {
            EXPECT_TRUE(got.ok());
            EXPECT_EQ(host_.applied.size(), 2 * 64U)
                << "in the pass that ran and in its own: a sixteenth, in jobs of 32";
            held = true;
        });
        controller_.reapply(std::nullopt, 0, [](const auto&) {});
    };
    use_by_default("shared");
    reconciler_.request_pass(std::nullopt, [&all_done](const auto& got) { all_done = got.ok(); });
    host_.answer_all(10'000);
    EXPECT_TRUE(held);
    EXPECT_TRUE(all_done);
    EXPECT_EQ(host_.applied.size(), static_cast<std::size_t>(many) - 1)
        << "each once, but the held";
    EXPECT_EQ(record(many - 1).state, PinState::pinned);
}

// However often somebody asks or starts while all are changed: the looks at all of them do not add
// up to the square of their number.
TEST_F(ReconcilerTest, DomainsThatKeepStartingDoNotMultiplyTheFullObservations)
{
    int number = 0;
    for (const auto many : {100, 400, 1600}) {
        host_.domains.clear();
        for (int i = 0; i < many; ++i) {
            ++number;
            host_.add(number, "web" + std::to_string(number), 1, number);
        }
        connect();
        const auto looks = host_.observations;
        const auto applied = host_.applied.size();
        host_.before_apply = [this] {
            reconciler_.on_event(DomainChanged{.uuid = FakeHost::uuid(1),
                                               .what = "started",
                                               .kind = DomainChanged::Kind::started});
        };
        use_by_default("shared");
        host_.answer_all(10'000);
        host_.before_apply = nullptr;
        EXPECT_EQ(host_.applied.size() - applied, static_cast<std::size_t>(many));
        EXPECT_LE(host_.observations - looks, 17) << many << " domains";
        reconciler_.on_config(Config{});
        host_.answer_all(10'000);
    }
}

} // namespace
} // namespace virtpind::test
