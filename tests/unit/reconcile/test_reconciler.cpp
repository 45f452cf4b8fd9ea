// SPDX-License-Identifier: LGPL-2.1-or-later
// The spine and the controller against a libvirt in memory.
#if defined(__GNUC__) && !defined(__clang__)
// g++ 14 takes what an optional variant holds for uninitialized where it inlines the copy.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "common/model/config_json.hpp"
#include "daemon/reconcile/outcome.hpp"
#include "tests/support/spine.hpp"

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <sstream>
#include <utility>

namespace virtpind {
namespace {

using test::FakeHost;
using test::ReconcilerTest;

TEST_F(ReconcilerTest, TouchesNobodyWithoutAPolicy)
{
    host_.add(1, "web1", 4, 1);
    connect();
    EXPECT_TRUE(host_.applied.empty());
    EXPECT_EQ(record(1).state, PinState::idle);
    EXPECT_EQ(sink_.manager.state, "ready");
    ASSERT_EQ(sink_.domains.size(), 1U);
    EXPECT_EQ(sink_.domains[0].policy, "none");
}

TEST_F(ReconcilerTest, MemoryNodesShownAreThoseItIsBoundToNotThoseOfItsCpus)
{
    reconciler_.on_topology(
        std::make_shared<Topology>(test::regular_host({.nodes = 2, .l3s = 1, .cores = 4})));
    auto& seen = host_.add(1, "web1", 2, 1);
    seen.live->vcpus = {{VcpuId{0}, CpuSet{CpuId{0}}}, {VcpuId{1}, CpuSet{CpuId{1}}}};
    connect();
    EXPECT_TRUE(sink_.domains.at(0).numa_nodes.empty()) << "pinned, but its memory is not bound";

    const NumaTune bound{
        .mode = NumaMode::strict, .nodes = NodeSet{NodeId{1}}, .cells = {{0, NodeSet{NodeId{0}}}}};
    seen.live->numatune = NumaTune{.mode = NumaMode::strict, .nodes = NodeSet{NodeId{1}}};
    seen.config->numatune = bound;
    changed(1);
    EXPECT_EQ(sink_.domains.at(0).numa_nodes.str(), "1") << "what holds now";
    FakeHost::stop(seen);
    changed(1, "stopped");
    EXPECT_EQ(sink_.domains.at(0).numa_nodes.str(), "0-1") << "what the definition says";
}

TEST_F(ReconcilerTest, PolicyPinsLiveAndDefinitionAfterSavingHowItWas)
{
    host_.add(1, "web1", 4, 1);
    connect();
    const auto generation = set_policy(1, "dedicated");
    ASSERT_TRUE(generation) << generation.error().message;
    EXPECT_EQ(record(1).state, PinState::pinned);
    EXPECT_TRUE(host_.images.contains(FakeHost::uuid(1)));
    EXPECT_EQ(domain(1).live->vcpus, domain(1).config->vcpus);
    CpuSet used;
    for (const auto& [vcpu, cpus] : domain(1).live->vcpus) {
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

TEST_F(ReconcilerTest, RestartedDomainIsPinnedAgainAndOthersKeepTheirs)
{
    host_.add(1, "web1", 4, 1);
    host_.add(2, "web2", 4, 2);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    ASSERT_TRUE(set_policy(2, "dedicated"));
    const auto pins = domain(2).live->vcpus;
    FakeHost::stop(domain(1));
    changed(1, "stopped");
    EXPECT_EQ(record(1).state, PinState::idle);
    FakeHost::start(domain(1), 9);
    changed(1, "started");
    EXPECT_EQ(record(1).state, PinState::pinned);
    EXPECT_EQ(domain(2).live->vcpus, pins);
    CpuSet first;
    CpuSet second;
    for (std::uint32_t i = 0; i < 4; ++i) {
        first |= domain(1).live->vcpus.at(VcpuId{i});
        second |= domain(2).live->vcpus.at(VcpuId{i});
    }
    EXPECT_FALSE(first.intersects(second));
}

TEST_F(ReconcilerTest, HandChangedPinsAreRepaired)
{
    host_.add(1, "web1", 4, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    const auto pins = domain(1).live->vcpus;
    domain(1).live->vcpus[VcpuId{2}] = CpuSet::range(0, 15);
    changed(1, "tunable");
    EXPECT_EQ(domain(1).live->vcpus, pins);
}

TEST_F(ReconcilerTest, LostCpuMovesOnlyWhoWasOnIt)
{
    for (int number = 1; number <= 3; ++number) {
        host_.add(number, "web" + std::to_string(number), 2, number);
    }
    connect();
    for (int number = 1; number <= 3; ++number) {
        ASSERT_TRUE(set_policy(number, "dedicated"));
    }
    const auto second = domain(2).live->vcpus;
    const auto third = domain(3).live->vcpus;
    const auto first = domain(1).live->vcpus;
    const auto lost = first.at(VcpuId{0}).front();
    auto topology = test::regular_host({.l3s = 2, .cores = 4, .threads = 2});
    topology.generation = 2;
    for (auto& cpu : topology.cpus) {
        cpu.online = cpu.online && cpu.id != lost;
        cpu.allowed = cpu.online;
    }
    host_.applied.clear();
    reconciler_.on_topology(std::make_shared<Topology>(std::move(topology)));
    host_.answer_all();
    for (const auto& action : host_.applied) {
        EXPECT_EQ(action.uuid, FakeHost::uuid(1)) << action.name;
    }
    EXPECT_FALSE(domain(1).live->vcpus.at(VcpuId{0}).contains(lost));
    EXPECT_EQ(domain(2).live->vcpus, second);
    EXPECT_EQ(domain(3).live->vcpus, third);
}

TEST_F(ReconcilerTest, QuarrelWithSomebodyElseIsSlowedDown)
{
    host_.add(1, "web1", 4, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    for (int i = 0; i < 50; ++i) {
        domain(1).live->vcpus[VcpuId{2}] = CpuSet::range(0, 15);
        changed(1, "tunable");
    }
    EXPECT_LT(host_.applied.size(), 10U);
}

const std::string& last_word(const DomainRecord& record)
{
    return record.history.back().what;
}

TEST_F(ReconcilerTest, HistorySaysWhatWasDone)
{
    host_.add(1, "web1", 4, std::nullopt);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    EXPECT_EQ(last_word(record(1)).rfind("defined: ", 0), 0U) << last_word(record(1));
    FakeHost::start(domain(1), 1);
    domain(1).live->vcpus.clear();
    changed(1, "started");
    EXPECT_EQ(last_word(record(1)).rfind("pinned: ", 0), 0U) << last_word(record(1));
    domain(1).live->vcpus[VcpuId{2}] = CpuSet::range(0, 15);
    changed(1, "tunable");
    EXPECT_EQ(last_word(record(1)).rfind("repaired: 1 changes applied and verified, as somebody "
                                         "else had changed its pins",
                                         0),
              0U)
        << last_word(record(1));
    ASSERT_TRUE(set_policy(1, "shared"));
    EXPECT_EQ(last_word(record(1)).rfind("pinned: ", 0), 0U) << "by another policy";
}

// As terraform and its like define a domain again.
TEST_F(ReconcilerTest, PolicyThatGoesWithItsDefinitionIsToldOf)
{
    host_.add(1, "web1", 4, 1);
    host_.add(2, "web2", 4, 2);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    ASSERT_TRUE(set_policy(2, "dedicated"));
    const auto told = [this](int number, const std::string& what) {
        const auto& history = record(number).history;
        return std::any_of(history.begin(), history.end(),
                           [&what](const HistoryEntry& entry) { return entry.what == what; });
    };
    const std::string replaced = "its definition was replaced by one without the policy";
    domain(1).config = PinSet{};
    domain(1).config_note.reset();
    domain(1).facts.metadata.content.reset();
    changed(1, "defined");
    EXPECT_TRUE(told(1, replaced));
    domain(2).facts.metadata.content.reset();
    changed(2, "metadata");
    EXPECT_TRUE(told(2, "somebody else took the policy out of its metadata"));
    EXPECT_FALSE(told(2, replaced));
    host_.add(3, "web3", 4, 3);
    changed(3, "defined");
    ASSERT_TRUE(set_policy(3, "dedicated"));
    ASSERT_TRUE(reset_policy(3));
    EXPECT_FALSE(told(3, "somebody else took the policy out of its metadata")) << "we did";
}

// A guest that starts from a saved state has the metadata of then.
TEST_F(ReconcilerTest, RunningDomainShowsThePolicyThatHolds)
{
    host_.add(1, "web1", 4, std::nullopt);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    FakeHost::start(domain(1), 1);
    domain(1).shown_policy = PolicySpec{.name = "shared", .options = {}};
    changed(1, "started");
    ASSERT_TRUE(domain(1).shown_policy);
    EXPECT_EQ(domain(1).shown_policy->name, "dedicated");
    const auto applied = host_.applied.size();
    changed(1, "metadata");
    EXPECT_EQ(host_.applied.size(), applied) << "once";
}

// Nobody quarrels there: the definition is what comes of the change, and no write alters that.
TEST_F(ReconcilerTest, ChangeThatNothingComesOfIsNotMadeAgain)
{
    host_.add(1, "web1", 4, std::nullopt);
    connect();
    host_.unheld = std::vector<std::string>{};
    ASSERT_TRUE(set_policy(1, "dedicated"));
    EXPECT_EQ(host_.applied.size(), 1U);
    EXPECT_EQ(record(1).last_applied_usec, 0U) << "nothing was changed";
    EXPECT_TRUE(sink_.results.empty());
    for (int i = 0; i < 5; ++i) {
        changed(1, "defined");
    }
    EXPECT_EQ(host_.applied.size(), 1U);
    domain(1).config->emulator = CpuSet{CpuId{3}}; // somebody edits it
    changed(1, "defined");
    EXPECT_EQ(host_.applied.size(), 2U) << "that is another definition";
    ASSERT_TRUE(set_policy(1, "shared"));
    EXPECT_EQ(host_.applied.size(), 3U) << "that is another change";
}

TEST_F(ReconcilerTest, WhatLibvirtDoesNotKeepIsAFailureWithAName)
{
    host_.add(1, "web1", 4, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "shared", {{"cpus", std::string{"2-5"}}}));
    host_.unheld = {"the definition of web1 is not tuned as it was written"};
    domain(1).config->emulator = CpuSet{CpuId{3}};
    const auto done = set_policy(1, "dedicated");
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, Errc::partially_applied);
    EXPECT_NE(done.error().message.find("not tuned as it was written"), std::string::npos);
    const auto applied = host_.applied.size();
    for (int i = 0; i < 3; ++i) {
        changed(1, "defined");
        EXPECT_EQ(record(1).state, PinState::partial) << "that does not pass by looking";
        EXPECT_EQ(record(1).error, done.error());
    }
    EXPECT_EQ(host_.applied.size(), applied);
    host_.unheld.reset();
    EXPECT_TRUE(set_policy(1, "shared"));
    EXPECT_EQ(record(1).state, PinState::pinned);
}

TEST_F(ReconcilerTest, HostThatChangesAgainAndAgainIsNoQuarrel)
{
    host_.add(1, "web1", 12, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "shared"));
    for (std::uint32_t gone = 1; gone <= 8; ++gone) { // as when SMT is switched off
        auto topology = test::regular_host({.l3s = 2, .cores = 4, .threads = 2});
        topology.generation = gone;
        for (auto& cpu : topology.cpus) {
            cpu.online = raw(cpu.id) < 16 - gone;
            cpu.allowed = cpu.online;
        }
        reconciler_.on_topology(std::make_shared<Topology>(std::move(topology)));
        host_.answer_all();
    }
    EXPECT_TRUE(CpuSet::range(0, 7).includes(domain(1).config->vcpus.at(VcpuId{0})));
    EXPECT_EQ(record(1).retry_at, std::chrono::steady_clock::time_point{});
}

TEST_F(ReconcilerTest, QuarrelStaysSlowAsLongAsItGoesOn)
{
    host_.add(1, "web1", 4, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    auto one = record(1);
    const Outcome repaired{.uuid = FakeHost::uuid(1), .name = "web1", .id = 1, .applied = 1};
    auto now = std::chrono::steady_clock::now() + std::chrono::hours{1};
    unsigned at_once = 0;
    for (int i = 0; i < 20; ++i) {
        record_outcome(one, &repaired, 1, now);
        const auto waits = one.retry_at > now;
        at_once += waits ? 0 : 1;
        now = waits ? one.retry_at + std::chrono::seconds{1} : now + std::chrono::seconds{1};
    }
    EXPECT_EQ(at_once, 5U) << "and then once a minute, to the end";
}

TEST_F(ReconcilerTest, ForeignPinsAreLeftAloneAndTheirCpusAvoided)
{
    auto& foreign = host_.add(1, "hand", 2, 1);
    foreign.live->vcpus = {{VcpuId{0}, CpuSet{CpuId{1}}}, {VcpuId{1}, CpuSet{CpuId{9}}}};
    host_.add(2, "web2", 4, 2);
    connect();
    EXPECT_EQ(record(1).state, PinState::foreign);
    ASSERT_TRUE(set_policy(2, "dedicated"));
    for (const auto& [vcpu, cpus] : domain(2).live->vcpus) {
        EXPECT_FALSE(cpus.contains(CpuId{1}) || cpus.contains(CpuId{9})) << cpus.str();
    }
    EXPECT_EQ(foreign.live->vcpus.at(VcpuId{0}), CpuSet{CpuId{1}});
}

TEST_F(ReconcilerTest, DomainThatCannotBeReadKeepsItsCpus)
{
    host_.add(1, "web1", 4, 1);
    host_.add(2, "web2", 4, 2);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    CpuSet taken;
    for (const auto& [vcpu, cpus] : domain(1).live->vcpus) {
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
    for (const auto& [vcpu, cpus] : domain(2).live->vcpus) {
        EXPECT_FALSE(cpus.intersects(taken)) << cpus.str();
    }
    domain(1) = readable;
    changed(1);
    EXPECT_EQ(record(1).state, PinState::pinned);
    EXPECT_EQ(domain(1).live->vcpus, readable.live->vcpus);
}

TEST_F(ReconcilerTest, TakingOverADomainMendsSiblingsThatWerePinnedWrong)
{
    auto& seen = host_.add(1, "forum", 4, 1);
    seen.facts.topology = GuestTopology{.sockets = 1, .cores = 2, .threads = 2};
    for (std::uint32_t i = 0; i < 4; ++i) { // siblings of this host are n and n+8
        seen.live->vcpus[VcpuId{i}] = CpuSet{CpuId{i + 2}};
    }
    connect();
    EXPECT_EQ(record(1).state, PinState::foreign);
    ASSERT_TRUE(set_policy(1, "dedicated"));
    const auto cpu = [&seen](std::uint32_t vcpu) {
        return raw(seen.live->vcpus.at(VcpuId{vcpu}).front());
    };
    EXPECT_EQ(cpu(1), cpu(0) + 8);
    EXPECT_EQ(cpu(3), cpu(2) + 8);
}

TEST_F(ReconcilerTest, AnotherPolicyPlacesAnewTheSameOneDoesNot)
{
    host_.add(1, "web1", 2, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    const auto paired = domain(1).live->vcpus;
    ASSERT_TRUE(set_policy(1, "dedicated", {{"cache", std::string{"pack"}}}));
    ASSERT_TRUE(set_policy(1, "dedicated", {{"cpus", std::string{"5-7,13-15"}}}));
    EXPECT_NE(domain(1).live->vcpus, paired);
    const auto moved = domain(1).live->vcpus;
    ASSERT_TRUE(set_policy(1, "dedicated", {{"cpus", std::string{"5-7,13-15"}}}));
    EXPECT_EQ(domain(1).live->vcpus, moved);
    ASSERT_TRUE(set_policy(1, "dedicated", {{"smt", std::string{"isolate"}}}));
    const auto cpu = [this](std::uint32_t vcpu) {
        return raw(domain(1).live->vcpus.at(VcpuId{vcpu}).front());
    };
    EXPECT_NE(cpu(0) % 8, cpu(1) % 8);
}

TEST_F(ReconcilerTest, ResetGivesBackWhatWasThere)
{
    auto& seen = host_.add(1, "web1", 4, 1);
    seen.live->vcpus[VcpuId{0}] = CpuSet::range(2, 3);
    seen.config->vcpus[VcpuId{0}] = CpuSet::range(4, 5);
    const auto config = *seen.config;
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    ASSERT_NE(*domain(1).config, config);
    const auto reset = reset_policy(1);
    ASSERT_TRUE(reset) << reset.error().message;
    EXPECT_EQ(*domain(1).config, config);
    EXPECT_EQ(domain(1).live->vcpus.at(VcpuId{0}), CpuSet::range(2, 3));
    EXPECT_EQ(domain(1).live->vcpus.at(VcpuId{1}), CpuSet::range(0, 15));
    EXPECT_TRUE(host_.images.empty());
    EXPECT_EQ(record(1).state, PinState::foreign);
}

// A policy by default never takes over pins of somebody else, not even after another policy.
TEST_F(ReconcilerTest, ResetGivesTheOwnersPinsBackWhateverThePolicyByDefault)
{
    for (const auto* by_default : {"auto", "shared", "none"}) {
        Config config;
        config.default_policy = by_default;
        host_.domains.clear();
        auto& seen = host_.add(1, "win11", 4, 1);
        for (std::uint32_t i = 0; i < 4; ++i) {
            seen.live->vcpus[VcpuId{i}] = CpuSet{CpuId{2 + i}};
        }
        seen.config = seen.live;
        const auto pins = seen.live->vcpus;
        reconciler_.on_config(config);
        connect();
        ASSERT_EQ(record(1).state, PinState::foreign) << by_default;
        ASSERT_TRUE(set_policy(1, "shared"));
        ASSERT_NE(domain(1).live->vcpus, pins);
        const auto reset = reset_policy(1);
        ASSERT_TRUE(reset) << reset.error().message;
        EXPECT_EQ(domain(1).live->vcpus, pins) << by_default;
        EXPECT_EQ(domain(1).config->vcpus, pins) << by_default;
        EXPECT_EQ(record(1).state, PinState::foreign) << by_default;
        EXPECT_TRUE(host_.images.empty());
    }
}

TEST_F(ReconcilerTest, ResetGivesTheOwnersPinsBackToAShutOffDomainWhateverThePolicyByDefault)
{
    auto& seen = host_.add(1, "win11", 2, 1);
    seen.config->vcpus = {{VcpuId{0}, CpuSet{CpuId{2}}}, {VcpuId{1}, CpuSet{CpuId{3}}}};
    seen.live = seen.config;
    const auto pins = seen.config->vcpus;
    Config config;
    config.default_policy = "auto";
    reconciler_.on_config(config);
    connect();
    ASSERT_TRUE(set_policy(1, "shared"));
    FakeHost::stop(domain(1));
    changed(1, "stopped");
    ASSERT_TRUE(reset_policy(1));
    EXPECT_EQ(domain(1).config->vcpus, pins);
    EXPECT_EQ(record(1).state, PinState::foreign);
    FakeHost::start(domain(1), 2);
    changed(1, "started");
    EXPECT_EQ(domain(1).live->vcpus, pins);
    EXPECT_EQ(record(1).state, PinState::foreign);
}

TEST_F(ReconcilerTest, ResetOfAPolicyForThisRunOfTheDaemonSurvivesItsRestart)
{
    auto& seen = host_.add(1, "win11", 1, 1);
    seen.live->vcpus[VcpuId{0}] = CpuSet{CpuId{2}};
    seen.config = seen.live;
    const auto pins = seen.live->vcpus;
    Config config;
    config.default_policy = "auto";
    reconciler_.on_config(config);
    connect();
    ASSERT_TRUE(set_policy(1, "shared", {}, flag_runtime_only));
    ASSERT_NE(domain(1).live->vcpus, pins);

    Reconciler later{loop_, host_, "boot", host_.images};
    later.on_config(config);
    later.on_topology(
        std::make_shared<Topology>(test::regular_host({.l3s = 2, .cores = 4, .threads = 2})));
    later.on_event(LibvirtConnected{.uri = "fake:///", .driver = "Fake"});
    host_.answer_all();
    EXPECT_EQ(domain(1).live->vcpus, pins);
    EXPECT_EQ(domain(1).config->vcpus, pins);
    EXPECT_EQ(later.find(FakeHost::uuid(1))->state, PinState::foreign);
}

TEST_F(ReconcilerTest, ResetOfADomainWithoutPinsOfItsOwnLeavesItToThePolicyByDefault)
{
    host_.add(1, "web1", 2, 1);
    Config config;
    config.default_policy = "shared";
    reconciler_.on_config(config);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    ASSERT_TRUE(reset_policy(1));
    EXPECT_EQ(record(1).state, PinState::pinned);
    EXPECT_EQ(sink_.domains.at(0).policy, "shared");
    ASSERT_TRUE(set_policy(1, "none"));
    EXPECT_EQ(record(1).state, PinState::idle);
    EXPECT_TRUE(host_.images.empty());
}

// Their owner pins them for the next start while they run under a policy by default.
TEST_F(ReconcilerTest, PinsWrittenForTheNextStartBeforeADefaultPolicyCameAreGivenBackThen)
{
    auto& seen = host_.add(1, "web1", 1, 1);
    seen.config->vcpus[VcpuId{0}] = CpuSet{CpuId{2}};
    const auto pins = seen.config->vcpus;
    Config config;
    config.default_policy = "shared";
    reconciler_.on_config(config);
    connect();
    EXPECT_EQ(record(1).state, PinState::pinned) << "this run has no pins of anybody";
    FakeHost::stop(domain(1));
    changed(1, "stopped");
    EXPECT_EQ(domain(1).config->vcpus, pins);
    EXPECT_EQ(record(1).state, PinState::foreign);
}

// Warnings and worse, while it lives.
class Warnings {
public:
    Warnings()
    {
        auto logger = std::make_shared<spdlog::logger>(
            "test", std::make_shared<spdlog::sinks::ostream_sink_st>(text_));
        logger->set_pattern("%v");
        logger->set_level(spdlog::level::warn);
        spdlog::set_default_logger(std::move(logger));
    }

    ~Warnings() { spdlog::set_default_logger(usual_); }

    Warnings(const Warnings&) = delete;
    Warnings& operator=(const Warnings&) = delete;

    std::string take() { return std::exchange(text_, std::ostringstream{}).str(); }

private:
    std::shared_ptr<spdlog::logger> usual_ = spdlog::default_logger();
    std::ostringstream text_;
};

TEST_F(ReconcilerTest, DomainThatGetsLessThanItAsksForIsSaidOnceWhenItBecomesSo)
{
    host_.add(1, "win11", 14, 1);
    host_.add(2, "build", 2, 2);
    connect();
    Warnings warnings;
    ASSERT_TRUE(set_policy(2, "dedicated"));
    EXPECT_EQ(warnings.take(), "");
    EXPECT_EQ(sink_.details, (OptionMap{{"satisfied", true}}));

    ASSERT_TRUE(set_policy(1, "dedicated"));
    EXPECT_EQ(record(1).state, PinState::pinned) << "it floats, as fallback=shared says";
    EXPECT_EQ(sink_.details, (OptionMap{{"satisfied", false}}));
    const auto said = warnings.take();
    EXPECT_EQ(said.rfind("win11: it does not get all that its policy asks for: ", 0), 0U) << said;
    EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
    changed(1);
    changed(2);
    EXPECT_EQ(warnings.take(), "") << "nothing new";

    ASSERT_TRUE(set_policy(2, "none"));
    EXPECT_TRUE(record(1).plan->satisfied);
    EXPECT_EQ(warnings.take(), "");
    ASSERT_TRUE(set_policy(2, "dedicated", {{"priority", 9}}));
    ASSERT_TRUE(set_policy(1, "passthrough", {{"vcpus", 15U}}));
    EXPECT_NE(warnings.take().find("win11: "), std::string::npos) << "it has become so again";
}

TEST_F(ReconcilerTest, NothingIsTouchedWhenItsFormerStateCannotBeSaved)
{
    host_.add(1, "web1", 4, 1);
    host_.save_error = Error{.code = Errc::not_persisted, .message = "No space left on device"};
    connect();
    const auto done = set_policy(1, "dedicated");
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, Errc::not_persisted);
    EXPECT_TRUE(host_.applied.empty());
    EXPECT_EQ(record(1).state, PinState::failed);
}

TEST_F(ReconcilerTest, OneRefusedPinIsReportedAsPartial)
{
    host_.add(1, "web1", 4, 1);
    connect();
    host_.refuse = [](const DomainUuid&, const LiveAction& action) -> std::optional<Error> {
        const auto* pin = std::get_if<PinVcpu>(&action);
        if (pin != nullptr && pin->vcpu == VcpuId{2}) {
            return Error{.code = Errc::apply_failed, .message = "Numerical result out of range"};
        }
        return std::nullopt;
    };
    const auto done = set_policy(1, "dedicated");
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, Errc::partially_applied);
    EXPECT_EQ(record(1).state, PinState::partial);
    EXPECT_NE(done.error().message.find("out of range"), std::string::npos);
    EXPECT_GT(record(1).last_applied_usec, 0U) << "others were changed";
    EXPECT_EQ(sink_.manager.state, "degraded");
    // An event does not retry before its time; asking does.
    const auto tries = host_.applied.size();
    changed(1);
    EXPECT_EQ(host_.applied.size(), tries);
    host_.refuse = nullptr;
    EXPECT_TRUE(set_policy(1, "dedicated"));
    EXPECT_EQ(record(1).state, PinState::pinned);
}

std::optional<Error> busy(const DomainUuid& /*uuid*/, const LiveAction& /*action*/)
{
    return Error{.code = Errc::apply_failed, .message = "busy"};
}

TEST_F(ReconcilerTest, WhoAsksDuringABackOffHearsHowItIsNow)
{
    host_.add(1, "web1", 4, 1);
    connect();
    host_.refuse = busy;
    ASSERT_FALSE(set_policy(1, "dedicated"));
    ASSERT_NE(record(1).state, PinState::pinned);
    domain(1).live->vcpus = record(1).plan->vcpus; // somebody mends it by hand
    domain(1).live->emulator = record(1).plan->emulator;
    std::optional<Result<std::uint64_t>> got;
    controller_.reapply(FakeHost::uuid(1), 0,
                        [&got](Result<std::uint64_t> reply) { got = std::move(reply); });
    host_.answer_all();
    ASSERT_TRUE(got);
    EXPECT_TRUE(got->ok()) << got->error().message;
    EXPECT_EQ(record(1).state, PinState::pinned);
    EXPECT_FALSE(record(1).error);
}

TEST_F(ReconcilerTest, HoldDuringABackOffIsShown)
{
    host_.add(1, "web1", 4, 1);
    connect();
    host_.refuse = busy;
    ASSERT_FALSE(set_policy(1, "dedicated"));
    ASSERT_TRUE(hold(1));
    EXPECT_EQ(record(1).state, PinState::held);
}

TEST_F(ReconcilerTest, DomainThatIsRestartedFasterThanItIsPinnedIsTriedAgainLater)
{
    host_.add(1, "web1", 4, 1);
    connect();
    int id = 2;
    host_.before_apply = [this, &id] {
        FakeHost::stop(domain(1));
        FakeHost::start(domain(1), id++);
    };
    const auto done = set_policy(1, "dedicated");
    ASSERT_FALSE(done);
    EXPECT_NE(done.error().message.find("again and again"), std::string::npos);
    EXPECT_GT(record(1).retry_at, std::chrono::steady_clock::now());
    EXPECT_LT(host_.applied.size(), 20U);
    host_.before_apply = nullptr;
    EXPECT_TRUE(set_policy(1, "dedicated"));
    EXPECT_EQ(record(1).state, PinState::pinned);
}

TEST_F(ReconcilerTest, FailedPinIsTriedAgainByItself)
{
    host_.add(1, "web1", 4, 1);
    connect();
    host_.refuse = [this](const DomainUuid&, const LiveAction&) -> std::optional<Error> {
        host_.refuse = nullptr; // only once
        return Error{.code = Errc::apply_failed, .message = "busy"};
    };
    EXPECT_FALSE(set_policy(1, "dedicated"));
    loop::Timer answer{loop_, [this, &answer] {
                           host_.answer_all();
                           if (record(1).state == PinState::pinned) {
                               loop_.stop(0);
                           } else {
                               answer.start(std::chrono::milliseconds{10});
                           }
                       }};
    loop::Timer deadline{loop_, [this] { loop_.stop(1); }};
    answer.start(std::chrono::milliseconds{10});
    deadline.start(std::chrono::seconds{20});
    EXPECT_EQ(loop_.run(), 0);
}

TEST_F(ReconcilerTest, DomainThatGoesAwayDuringApplyIsNoError)
{
    host_.add(1, "web1", 4, 1);
    connect();
    host_.before_apply = [this] { FakeHost::stop(domain(1)); };
    const auto done = set_policy(1, "dedicated");
    EXPECT_TRUE(done) << done.error().message;
    EXPECT_EQ(record(1).state, PinState::idle);
}

TEST_F(ReconcilerTest, RestartUnderTheSameUuidDuringApplyIsPinnedInTheNextPass)
{
    host_.add(1, "web1", 4, 1);
    connect();
    host_.before_apply = [this] {
        host_.before_apply = nullptr;
        FakeHost::stop(domain(1));
        FakeHost::start(domain(1), 8);
    };
    ASSERT_TRUE(set_policy(1, "dedicated"));
    host_.answer_all();
    EXPECT_EQ(record(1).state, PinState::pinned);
    EXPECT_EQ(domain(1).live->vcpus.at(VcpuId{0}).size(), 1U);
}

TEST_F(ReconcilerTest, WhatWasWrittenIsRememberedWhenTheDomainIsRestartedRightAfter)
{
    host_.add(1, "web1", 4, 1);
    const auto original = *domain(1).config;
    connect();
    host_.before_read_back = [this] {
        host_.before_read_back = nullptr;
        FakeHost::stop(domain(1));
        FakeHost::start(domain(1), 2);
    };
    ASSERT_TRUE(set_policy(1, "dedicated"));
    ASSERT_FALSE(domain(1).config->vcpus.empty());
    ASSERT_TRUE(reset_policy(1));
    EXPECT_EQ(*domain(1).config, original);
}

TEST_F(ReconcilerTest, LostConnectionAnswersWaitersAndTheNextOneRepairs)
{
    host_.add(1, "web1", 4, 1);
    connect();
    std::optional<Result<std::uint64_t>> got;
    controller_.reapply(FakeHost::uuid(1), 0,
                        [&got](Result<std::uint64_t> reply) { got = std::move(reply); });
    ASSERT_FALSE(got);
    reconciler_.on_event(LibvirtLost{.why = {.message = "end of file"}});
    ASSERT_TRUE(got);
    EXPECT_EQ(got->error().code, Errc::host_unavailable);
    EXPECT_EQ(sink_.manager.state, "disconnected");
    host_.answer_all();
    EXPECT_EQ(controller_.find_domain("web1").error().code, Errc::host_unavailable);
    connect();
    EXPECT_EQ(sink_.manager.state, "ready");
    EXPECT_TRUE(controller_.find_domain("web1"));
}

TEST_F(ReconcilerTest, ConnectionThatKeepsBreakingIsNoFaultOfTheDomains)
{
    host_.add(1, "web1", 4, 1);
    connect();
    host_.refuse = [](const DomainUuid&, const LiveAction&) {
        return std::optional{Error{.code = Errc::host_unavailable, .message = "gone"}};
    };
    ASSERT_FALSE(set_policy(1, "dedicated"));
    for (int i = 0; i < 4; ++i) {
        controller_.reapply(FakeHost::uuid(1), 0, [](const auto&) {});
        host_.answer_all();
    }
    EXPECT_EQ(record(1).failures, 0U);
    EXPECT_NE(record(1).state, PinState::pinned);
    reconciler_.on_event(LibvirtLost{.why = unreachable()});
    host_.refuse = nullptr;
    connect();
    EXPECT_EQ(record(1).state, PinState::pinned);
}

TEST_F(ReconcilerTest, WhoAsksDoesNotWaitForAThousandOthers)
{
    constexpr int many = 1000;
    for (int number = 1; number <= many; ++number) {
        host_.add(number, "web" + std::to_string(number), 1, number);
    }
    connect();
    auto config = parse_config(R"({"default-policy": "shared"})", "test");
    ASSERT_TRUE(config);
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
    reconciler_.on_config(std::move(*config));
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
TEST_F(ReconcilerTest, DomainsThatKeepStartingDoNotMakeALookAtAllOfEveryFew)
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
        reconciler_.on_config(*parse_config(R"({"default-policy": "shared"})", "test"));
        host_.answer_all(10'000);
        host_.before_apply = nullptr;
        EXPECT_EQ(host_.applied.size() - applied, static_cast<std::size_t>(many));
        EXPECT_LE(host_.observations - looks, 17) << many << " domains";
        reconciler_.on_config(Config{});
        host_.answer_all(10'000);
    }
}

TEST_F(ReconcilerTest, PlanOfAHostThatChangesBetweenTwoJobsIsNotAppliedFurther)
{
    constexpr int many = 40;
    for (int number = 1; number <= many; ++number) {
        host_.add(number, "web" + std::to_string(number), 1, number);
    }
    connect();
    auto smaller =
        std::make_shared<Topology>(test::regular_host({.l3s = 2, .cores = 4, .threads = 2}));
    const CpuId lost{5};
    smaller->cpus[raw(lost)].online = false;
    smaller->generation = 1;
    host_.before_apply = [this, smaller] {
        host_.before_apply = nullptr;
        reconciler_.on_topology(smaller);
    };
    reconciler_.on_config(*parse_config(R"({"default-policy": "shared"})", "test"));
    host_.answer_all(3 + many); // the look, how each was before, and one job
    ASSERT_EQ(host_.applied.size(), 32U) << "those were under way";
    host_.answer_all();
    const auto names_lost = [lost](const DomainActions& actions) {
        return std::any_of(actions.live.begin(), actions.live.end(), [lost](const auto& action) {
            const auto* pin = std::get_if<PinVcpu>(&action);
            return pin != nullptr && pin->cpus.contains(lost);
        });
    };
    const auto next = host_.applied.begin() + 32;
    EXPECT_TRUE(std::all_of(host_.applied.begin(), next, names_lost));
    EXPECT_TRUE(std::none_of(next, host_.applied.end(), names_lost));
    EXPECT_EQ(host_.applied.size(), 32U + many);
    EXPECT_EQ(record(many).state, PinState::pinned);
}

TEST_F(ReconcilerTest, LooksThatFailAreRepeatedLessAndLessAndAsDeeply)
{
    host_.add(1, "web1", 4, 1);
    host_.observe_error = Error{.code = Errc::internal, .message = "no"};
    const auto looks = times_of_looks(3);
    EXPECT_GE(looks[1] - looks[0], std::chrono::seconds{1});
    EXPECT_GE(looks[2] - looks[1], std::chrono::milliseconds{1900});
    EXPECT_EQ(host_.deep_looks, 3);
}

TEST_F(ReconcilerTest, ANameOfTwoDomainsIsAmbiguousAndTheirUuidsAreNot)
{
    host_.add(1, "web1", 2, 1);
    host_.add(2, "web1", 2, 2);
    connect();
    const auto found = controller_.find_domain("web1");
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, Errc::ambiguous);
    EXPECT_NE(found.error().message.find("use the UUID"), std::string::npos);
    EXPECT_EQ(*controller_.find_domain(FakeHost::uuid(2).str()), FakeHost::uuid(2));
}

TEST_F(ReconcilerTest, CompareAndSetLetsOnlyTheFirstWriterWin)
{
    host_.add(1, "web1", 4, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated", {}, 0, 1));
    const auto late = set_policy(1, "shared", {}, 0, 1);
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, Errc::conflict);
    EXPECT_EQ(record(1).decision.policy.policy.name, "dedicated");
}

TEST_F(ReconcilerTest, WhatCannotBeMetIsRefusedBeforeAnythingChanges)
{
    host_.add(1, "web1", 17, 1);
    connect();
    const auto done = set_policy(1, "dedicated", {{"fallback", std::string{"fail"}}});
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, Errc::unsatisfiable);
    EXPECT_FALSE(domain(1).facts.metadata.content);
    EXPECT_TRUE(host_.applied.empty());
}

TEST_F(ReconcilerTest, AProblemSaysWhyItDoesNotFitNotWhatElseIsRemarkable)
{
    host_.add(1, "web1", 17, 1).facts.pci_devices = {"0000:99:00.0"};
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    ASSERT_EQ(record(1).plan->reasons.front().code, ReasonCode::device_unknown);
    ASSERT_EQ(sink_.manager.problems.size(), 1U);
    EXPECT_EQ(sink_.manager.problems[0].first, "Unsatisfiable");
    EXPECT_NE(sink_.manager.problems[0].second.find("17"), std::string::npos)
        << sink_.manager.problems[0].second;
}

// Three with one graphics card, and one with hugepages that a hook makes.
TEST_F(ReconcilerTest, DefinitionsDoNotDependOnWhoRuns)
{
    for (const auto number : {1, 2, 3}) {
        host_.add(number, "vm" + std::to_string(number), 10, std::nullopt).facts.pci_devices = {
            "0000:01:00.0"};
    }
    auto& huge = host_.add(4, "huge", 10, std::nullopt).facts;
    huge.memory_kib = 16 << 20;
    huge.hugepage_kib = 2048;
    auto topology = test::regular_host({.l3s = 2, .cores = 4, .threads = 2});
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
            all.push_back(domain(number).config);
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

TEST_F(ReconcilerTest, ResetAfterAPolicyThatIsStillBeingStoredTakesItBack)
{
    host_.add(1, "web1", 4, 1);
    connect();
    const SetPolicyRequest request{.uuid = FakeHost::uuid(1), .policy = "dedicated"};
    unsigned answered = 0;
    controller_.set_policy(request, [&](const auto&) { ++answered; });
    controller_.reset_policy(FakeHost::uuid(1), 0, {}, [&](const auto&) { ++answered; });
    host_.answer_all();
    EXPECT_EQ(answered, 2U);
    EXPECT_FALSE(domain(1).facts.metadata.content);
    EXPECT_EQ(record(1).decision.policy.policy.name, "none");
}

TEST_F(ReconcilerTest, ResetAfterAPolicyThatIsStoredAndNotYetSeenTakesItBack)
{
    host_.add(1, "web1", 4, 1);
    connect();
    controller_.set_policy({.uuid = FakeHost::uuid(1), .policy = "dedicated"}, [](const auto&) {});
    host_.answer_all(1);
    ASSERT_TRUE(domain(1).facts.metadata.content);
    controller_.reset_policy(FakeHost::uuid(1), 0, {}, [](const auto&) {});
    host_.answer_all();
    EXPECT_FALSE(domain(1).facts.metadata.content);
    EXPECT_EQ(record(1).decision.policy.policy.name, "none");
}

TEST_F(ReconcilerTest, RuntimePolicyOutlivesTheStoringOfAnEarlierOne)
{
    host_.add(1, "web1", 4, 1);
    connect();
    SetPolicyRequest request{.uuid = FakeHost::uuid(1), .policy = "dedicated"};
    controller_.set_policy(request, [](const auto&) {});
    request.policy = "shared";
    request.flags = flag_runtime_only;
    controller_.set_policy(request, [](const auto&) {});
    host_.answer_all();
    EXPECT_EQ(record(1).decision.policy.policy.name, "shared");
    EXPECT_EQ(record(1).decision.policy.source, PolicySource::bus);
}

TEST_F(ReconcilerTest, PolicyThatCannotBeStoredLeavesEverythingAsItWas)
{
    host_.add(1, "web1", 4, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "shared", {}, flag_runtime_only));
    host_.store_error = Error{.code = Errc::apply_failed, .message = "no"};
    EXPECT_FALSE(set_policy(1, "dedicated", {}, flag_defer));
    EXPECT_FALSE(record(1).deferred_id);
    EXPECT_EQ(record(1).runtime_policy->name, "shared");
    domain(1).facts.metadata.content.emplace(PolicySpec{.name = "dedicated"});
    changed(1);
    EXPECT_FALSE(reset_policy(1));
    EXPECT_EQ(record(1).runtime_policy->name, "shared");
}

TEST_F(ReconcilerTest, WhoAskedHearsOfThePassThatDidItNotOfOneThatCouldNot)
{
    host_.add(1, "web1", 4, 1);
    connect();
    host_.before_apply = [this] {
        host_.before_apply = nullptr;
        domain(1).config->emulator = CpuSet{CpuId{3}}; // somebody edits the definition meanwhile
    };
    std::size_t pins_when_told = 0;
    controller_.set_policy({.uuid = FakeHost::uuid(1), .policy = "dedicated"},
                           [&](const Result<std::uint64_t>& done) {
                               EXPECT_TRUE(done);
                               pins_when_told = domain(1).config->vcpus.size();
                           });
    host_.answer_all();
    EXPECT_EQ(pins_when_told, 4U);
}

TEST_F(ReconcilerTest, DomainInTransitIsLeftAloneUntilThatHasEnded)
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
    EXPECT_EQ(domain(1).live->vcpus.size(), 4U);
}

TEST_F(ReconcilerTest, DomainThatIsMigratedAwayIsLeftAloneAndHoldsNobodyUp)
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
    std::optional<Result<std::uint64_t>> done;
    controller_.reapply(FakeHost::uuid(1), 0, [&](const auto& answer) { done.emplace(answer); });
    host_.answer_all();
    ASSERT_TRUE(done && *done);
    EXPECT_EQ(record(1).state, PinState::pinned);
    EXPECT_EQ(domain(1).live->vcpus.size(), 4U);
}

// As another host's daemon left it.
TEST_F(ReconcilerTest, DomainThatArrivesWithItsNotesIsNobodyElses)
{
    auto& seen = host_.add(1, "web1", 1, 1);
    seen.config->vcpus[VcpuId{0}] = CpuSet{CpuId{3}};
    seen.live = seen.config;
    seen.config_note.emplace().parts["cputune/vcpupin:0"] = {.before = "", .ours = {"3"}};
    seen.live_note = seen.config_note;
    auto& owned = host_.add(2, "web2", 1, 2);
    owned.config->vcpus[VcpuId{0}] = CpuSet{CpuId{3}};
    owned.live = owned.config;
    Config config;
    config.default_policy = "shared";
    reconciler_.on_config(config);
    connect();
    EXPECT_EQ(record(1).state, PinState::pinned);
    EXPECT_NE(domain(1).live->vcpus.at(VcpuId{0}), CpuSet{CpuId{3}});
    EXPECT_EQ(record(2).state, PinState::foreign) << "without a note they are its owner's";
    ASSERT_TRUE(host_.images.contains(FakeHost::uuid(1))) << "its undo is on disk here, too";
    EXPECT_TRUE(host_.images.at(FakeHost::uuid(1)).config->vcpus.empty());

    ASSERT_TRUE(set_policy(1, "none"));
    EXPECT_TRUE(domain(1).config->vcpus.empty());
    EXPECT_EQ(domain(1).live->vcpus.at(VcpuId{0}), CpuSet::range(0, 15));
    EXPECT_FALSE(domain(1).config_note || domain(1).live_note);
    EXPECT_FALSE(host_.images.contains(FakeHost::uuid(1)));
}

TEST_F(ReconcilerTest, NotesAreWrittenOnceAndAgainWhenSomebodyTakesThemAway)
{
    host_.add(1, "web1", 2, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    const auto live = domain(1).live_note;
    const auto config = domain(1).config_note;
    ASSERT_TRUE(live && config);
    const auto writes = host_.applied.size();
    changed(1, "metadata"); // our own write
    EXPECT_EQ(host_.applied.size(), writes);
    domain(1).live_note.reset();
    domain(1).config_note.reset();
    changed(1, "metadata");
    EXPECT_EQ(host_.applied.size(), writes + 1);
    EXPECT_EQ(domain(1).live_note, live);
    EXPECT_EQ(domain(1).config_note, config);
}

TEST_F(ReconcilerTest, RuntimeOnlyIsNotStoredAndEndsWithReset)
{
    host_.add(1, "web1", 4, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated", {}, flag_runtime_only));
    EXPECT_FALSE(domain(1).facts.metadata.content);
    EXPECT_EQ(sink_.domains[0].policy_source, "bus");
    ASSERT_TRUE(reset_policy(1));
    EXPECT_EQ(domain(1).live->vcpus.at(VcpuId{0}), CpuSet::range(0, 15));
}

TEST_F(ReconcilerTest, WhatWasDoneToADomainOfTheFirstPassIsTold)
{
    host_.add(1, "web1", 4, 1).facts.metadata.content.emplace(PolicySpec{.name = "dedicated"});
    connect();
    ASSERT_EQ(sink_.results.size(), 1U);
    EXPECT_EQ(sink_.results[0].second, "pinned");
}

TEST_F(ReconcilerTest, DeferredDomainIsNotSaidToBePinnedUntilReapplied)
{
    host_.add(1, "web1", 4, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated", {}, flag_defer));
    EXPECT_EQ(record(1).state, PinState::idle);
    EXPECT_EQ(sink_.results.back().second, "deferred");
    std::optional<Result<std::uint64_t>> got;
    controller_.reapply(FakeHost::uuid(1), 0, [&got](auto reply) { got = std::move(reply); });
    host_.answer_all();
    ASSERT_TRUE(got && *got);
    EXPECT_EQ(record(1).state, PinState::pinned);
    EXPECT_EQ(domain(1).live->vcpus.size(), 4U);
}

TEST_F(ReconcilerTest, DeferredResetStillKnowsWhatToGiveTheRunningDomainBack)
{
    host_.add(1, "web1", 4, 1).live->vcpus[VcpuId{0}] = CpuSet::range(0, 15);
    const auto original = *domain(1).live;
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    ASSERT_TRUE(set_policy(1, "none", {}, flag_defer));
    EXPECT_TRUE(domain(1).config->vcpus.empty());
    EXPECT_EQ(host_.images.size(), 1U);
    controller_.reapply(FakeHost::uuid(1), 0, [](const auto&) {}); // ends the deferral
    host_.answer_all();
    EXPECT_EQ(domain(1).live->vcpus.at(VcpuId{0}), original.vcpus.at(VcpuId{0}));
    EXPECT_TRUE(host_.images.empty());
}

TEST_F(ReconcilerTest, DeferralThatEndsWhileItIsAppliedDoesNotForgetWhatToGiveBack)
{
    host_.add(1, "web1", 4, 1).live->vcpus[VcpuId{0}] = CpuSet::range(0, 15);
    const auto original = *domain(1).live;
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    host_.before_apply = [this] {
        host_.before_apply = nullptr;
        controller_.reapply(FakeHost::uuid(1), 0, [](const auto&) {}); // ends the deferral
    };
    ASSERT_TRUE(set_policy(1, "none", {}, flag_defer));
    EXPECT_EQ(domain(1).live->vcpus.at(VcpuId{0}), original.vcpus.at(VcpuId{0}));
    EXPECT_TRUE(host_.images.empty());
}

TEST_F(ReconcilerTest, DeferTouchesOnlyTheDefinitionUntilTheNextStart)
{
    host_.add(1, "web1", 4, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated", {}, flag_defer));
    EXPECT_TRUE(domain(1).live->vcpus.empty());
    EXPECT_EQ(domain(1).config->vcpus.size(), 4U);
    FakeHost::stop(domain(1));
    FakeHost::start(domain(1), 2);
    domain(1).live = PinSet{};
    changed(1, "started");
    EXPECT_EQ(domain(1).live->vcpus.size(), 4U);
}

TEST_F(ReconcilerTest, HeldDomainIsLeftAloneWhileItsHolderLives)
{
    host_.add(1, "web1", 4, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    ASSERT_TRUE(hold(1));
    EXPECT_EQ(record(1).state, PinState::held);
    domain(1).live->vcpus[VcpuId{0}] = CpuSet::range(0, 15);
    changed(1, "tunable");
    EXPECT_EQ(domain(1).live->vcpus.at(VcpuId{0}), CpuSet::range(0, 15));
    EXPECT_EQ(controller_.release(1, ":1.8").error().code, Errc::invalid_argument);
    controller_.owner_vanished(":1.7");
    host_.answer_all();
    EXPECT_EQ(record(1).state, PinState::pinned);
    EXPECT_EQ(domain(1).live->vcpus.at(VcpuId{0}).size(), 1U);
}

// The moment at which a hold was answered, as seen from the host.
class SpineHold : public ReconcilerTest {
protected:
    void hold_during_apply(std::function<void()> then = [] {})
    {
        host_.add(1, "web1", 4, 1);
        connect();
        ASSERT_TRUE(set_policy(1, "dedicated"));
        domain(1).live->vcpus.clear();
        host_.before_apply = [this, then] {
            host_.before_apply = nullptr;
            controller_.hold(FakeHost::uuid(1), "benchmark", ":1.7",
                             [this](Result<std::uint64_t> reply) {
                                 changes_at_reply_ = host_.applied.size();
                                 reply_ = std::move(reply);
                             });
            EXPECT_FALSE(reply_) << "the pass goes on and changes the domain";
            then();
        };
        changed(1);
        EXPECT_TRUE(reply_);
    }

    std::optional<Result<std::uint64_t>> reply_;
    std::size_t changes_at_reply_ = 0;
};

TEST_F(SpineHold, IsAnsweredWhenTheRunningPassHasEnded)
{
    hold_during_apply();
    ASSERT_TRUE(reply_->ok());
    EXPECT_EQ(changes_at_reply_, 2U) << "the policy's and the repair's";
    EXPECT_EQ(record(1).state, PinState::held);
    domain(1).live->vcpus.clear();
    changed(1);
    EXPECT_EQ(host_.applied.size(), 2U);
}

TEST_F(SpineHold, IsUndoneWhenItsCallerLeftMeanwhile)
{
    hold_during_apply([this] { controller_.owner_vanished(":1.7"); });
    EXPECT_TRUE(record(1).holds.empty());
    EXPECT_EQ(record(1).state, PinState::pinned);
}

TEST_F(SpineHold, IsUndoneWhenLibvirtGoesBeforeTheReply)
{
    hold_during_apply([this] { reconciler_.on_event(LibvirtLost{.why = unreachable()}); });
    ASSERT_FALSE(reply_->ok());
    EXPECT_EQ(reply_->error().code, Errc::host_unavailable);
    EXPECT_TRUE(record(1).holds.empty());
}

TEST_F(SpineHold, MayBeOfADomainThatHasATroubleOfItsOwn)
{
    host_.add(1, "web1", 4, 1).facts.metadata.content =
        Error{.code = Errc::invalid_policy, .message = "unknown option"};
    connect();
    EXPECT_TRUE(hold(1));
    EXPECT_EQ(record(1).state, PinState::failed) << "which is what its owner must see";
}

TEST_F(ReconcilerTest, UnreadableMetadataIsAVisibleFailureAndItsPinsStay)
{
    auto& seen = host_.add(1, "web1", 4, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    const auto pins = seen.live->vcpus;
    seen.facts.metadata.content =
        Error{.code = Errc::invalid_policy, .message = "attribute 'smtt' is not an option"};
    changed(1, "metadata");
    EXPECT_EQ(record(1).state, PinState::failed);
    EXPECT_EQ(seen.live->vcpus, pins);
    ASSERT_FALSE(sink_.manager.problems.empty());
    EXPECT_NE(sink_.manager.problems[0].second.find("smtt"), std::string::npos);
}

TEST_F(ReconcilerTest, PluggedVcpuGetsACpuOfItsOwn)
{
    auto& seen = host_.add(1, "web1", 4, 1);
    seen.facts.vcpus_online = VcpuSet::range(0, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    const auto first = seen.live->vcpus.at(VcpuId{0});
    EXPECT_EQ(seen.live->vcpus.at(VcpuId{2}),
              seen.live->vcpus.at(VcpuId{0}) | seen.live->vcpus.at(VcpuId{1}));
    seen.facts.vcpus_online.insert(VcpuId{2});
    changed(1);
    EXPECT_EQ(seen.live->vcpus.at(VcpuId{2}).size(), 1U);
    EXPECT_EQ(seen.live->vcpus.at(VcpuId{0}), first);
}

TEST_F(ReconcilerTest, BeforeImageOfAnUndefinedDomainIsForgottenOfAnUnseenOneKept)
{
    host_.add(1, "web1", 4, 1);
    host_.add(2, "web2", 4, 2);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    ASSERT_TRUE(set_policy(2, "dedicated"));
    auto hidden = host_.domains.extract(FakeHost::uuid(2));
    host_.domains.erase(FakeHost::uuid(1));
    changed(1, "undefined");
    EXPECT_EQ(host_.images.size(), 1U);
    host_.domains.insert(std::move(hidden));
    changed(2, "defined");
    EXPECT_TRUE(record(2).before);
}

} // namespace
} // namespace virtpind
