// SPDX-License-Identifier: LGPL-2.1-or-later
// What a domain gets back when its policy goes.
#if defined(__GNUC__) && !defined(__clang__)
// g++ 14 takes what an optional variant holds for uninitialized where it inlines the copy.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "tests/support/spine.hpp"

#include <gtest/gtest.h>

namespace virtpind::test {
namespace {

TEST_F(ReconcilerTest, ResetGivesBackWhatWasThere)
{
    auto& seen = host_.add(1, "web1", 4, 1);
    seen.running->pins.vcpus[VcpuId{0}] = CpuSet::range(2, 3);
    seen.definition->pins.vcpus[VcpuId{0}] = CpuSet::range(4, 5);
    const auto config = seen.definition->pins;
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    ASSERT_NE(domain(1).definition->pins, config);
    const auto reset = reset_policy(1);
    ASSERT_TRUE(reset) << reset.error().message;
    EXPECT_EQ(domain(1).definition->pins, config);
    EXPECT_EQ(domain(1).running->pins.vcpus.at(VcpuId{0}), CpuSet::range(2, 3));
    EXPECT_EQ(domain(1).running->pins.vcpus.at(VcpuId{1}), CpuSet::range(0, 15));
    EXPECT_TRUE(host_.images.empty());
    EXPECT_EQ(record(1).state, PinState::foreign);
}

// A policy by default never takes over pins of somebody else, not even after another policy.
TEST_F(ReconcilerTest, ResetGivesTheOwnersPinsBackWhateverThePolicyByDefault)
{
    for (const auto* by_default : {"auto", "shared", "none"}) {
        host_.domains.clear();
        auto& seen = host_.add(1, "win11", 4, 1);
        for (std::uint32_t i = 0; i < 4; ++i) {
            seen.running->pins.vcpus[VcpuId{i}] = CpuSet{CpuId{2 + i}};
        }
        seen.definition = {.pins = seen.running->pins};
        const auto pins = seen.running->pins.vcpus;
        use_by_default(by_default);
        connect();
        ASSERT_EQ(record(1).state, PinState::foreign) << by_default;
        ASSERT_TRUE(set_policy(1, "shared"));
        ASSERT_NE(domain(1).running->pins.vcpus, pins);
        const auto reset = reset_policy(1);
        ASSERT_TRUE(reset) << reset.error().message;
        EXPECT_EQ(domain(1).running->pins.vcpus, pins) << by_default;
        EXPECT_EQ(domain(1).definition->pins.vcpus, pins) << by_default;
        EXPECT_EQ(record(1).state, PinState::foreign) << by_default;
        EXPECT_TRUE(host_.images.empty());
    }
}

TEST_F(ReconcilerTest, ResetGivesTheOwnersPinsBackToAShutOffDomainWhateverThePolicyByDefault)
{
    auto& seen = host_.add(1, "win11", 2, 1);
    seen.definition->pins.vcpus = {{VcpuId{0}, CpuSet{CpuId{2}}}, {VcpuId{1}, CpuSet{CpuId{3}}}};
    seen.running = {.pins = seen.definition->pins};
    const auto pins = seen.definition->pins.vcpus;
    use_by_default("auto");
    connect();
    ASSERT_TRUE(set_policy(1, "shared"));
    FakeHost::stop(domain(1));
    changed(1, "stopped");
    ASSERT_TRUE(reset_policy(1));
    EXPECT_EQ(domain(1).definition->pins.vcpus, pins);
    EXPECT_EQ(record(1).state, PinState::foreign);
    FakeHost::start(domain(1), 2);
    changed(1, "started");
    EXPECT_EQ(domain(1).running->pins.vcpus, pins);
    EXPECT_EQ(record(1).state, PinState::foreign);
}

TEST_F(ReconcilerTest, ResetOfAPolicyForThisRunOfTheDaemonSurvivesItsRestart)
{
    auto& seen = host_.add(1, "win11", 1, 1);
    seen.running->pins.vcpus[VcpuId{0}] = CpuSet{CpuId{2}};
    seen.definition = {.pins = seen.running->pins};
    const auto pins = seen.running->pins.vcpus;
    use_by_default("auto");
    connect();
    ASSERT_TRUE(set_policy(1, "shared", {}, flag_runtime_only));
    ASSERT_NE(domain(1).running->pins.vcpus, pins);

    Reconciler later{loop_, host_, "boot", host_.images};
    start(later, host_, reconciler_.config(), sixteen_cpus());
    EXPECT_EQ(domain(1).running->pins.vcpus, pins);
    EXPECT_EQ(domain(1).definition->pins.vcpus, pins);
    EXPECT_EQ(later.find(FakeHost::uuid(1))->state, PinState::foreign);
}

TEST_F(ReconcilerTest, ResetOfADomainWithoutPinsOfItsOwnLeavesItToThePolicyByDefault)
{
    host_.add(1, "web1", 2, 1);
    use_by_default("shared");
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
    seen.definition->pins.vcpus[VcpuId{0}] = CpuSet{CpuId{2}};
    const auto pins = seen.definition->pins.vcpus;
    use_by_default("shared");
    connect();
    EXPECT_EQ(record(1).state, PinState::pinned) << "this run has no pins of anybody";
    FakeHost::stop(domain(1));
    changed(1, "stopped");
    EXPECT_EQ(domain(1).definition->pins.vcpus, pins);
    EXPECT_EQ(record(1).state, PinState::foreign);
}

// libvirt counts ids from 1 again where its daemon is restarted while no domain runs.
class RunWithTheIdOfAFormerOne : public ReconcilerTest {
protected:
    // Its owner has pinned this run, and this run only.
    void pin_and_manage()
    {
        host_.add(1, "web1", 1, 1).running->pins.vcpus[VcpuId{0}] = CpuSet{CpuId{3}};
        connect();
        ASSERT_TRUE(set_policy(1, "dedicated", {{"cpus", std::string{"5"}}}));
        ASSERT_EQ(domain(1).running->pins.vcpus.at(VcpuId{0}), CpuSet{CpuId{5}});
    }

    void expect_no_pin_of_its_own()
    {
        EXPECT_EQ(domain(1).running->pins.vcpus.at(VcpuId{0}), CpuSet::range(0, 15));
        EXPECT_EQ(domain(1).definition_pins(), PinSet{});
        EXPECT_TRUE(host_.images.empty());
    }
};

TEST_F(RunWithTheIdOfAFormerOne, DoesNotGetThePinsOfThat)
{
    pin_and_manage();
    FakeHost::stop(domain(1));
    changed(1, "stopped");
    EXPECT_FALSE(record(1).placed_id) << "no later run is verified yet";
    FakeHost::start(domain(1), 1);
    changed(1, "started");
    ASSERT_TRUE(reset_policy(1));
    expect_no_pin_of_its_own();
}

TEST_F(RunWithTheIdOfAFormerOne, DoesNotGetThePinsOfThatThoughItWasSeenUnderAnotherBetween)
{
    pin_and_manage();
    for (const auto id : {2, 1}) {
        FakeHost::stop(domain(1));
        FakeHost::start(domain(1), id);
        changed(1, "started");
    }
    ASSERT_TRUE(reset_policy(1));
    expect_no_pin_of_its_own();
}

// No look shows that the former run has ended.
TEST_F(RunWithTheIdOfAFormerOne, DoesNotGetThePinsOfThatThoughNobodySawItEnd)
{
    for (const auto restarted : {false, true}) {
        host_.domains.clear();
        pin_and_manage();
        FakeHost::stop(domain(1));
        FakeHost::start(domain(1), 1);
        if (!restarted) {
            connect();
            ASSERT_TRUE(reset_policy(1));
        } else {
            domain(1).facts.metadata.content.reset();
            Reconciler later{loop_, host_, "boot", host_.images};
            start(later, host_, Config{}, sixteen_cpus());
        }
        expect_no_pin_of_its_own();
    }
}

TEST_F(ReconcilerTest, RunOfADomainGetsItsOwnPinsBackAlsoAfterTheDaemonsRestart)
{
    host_.add(1, "web1", 1, 1).running->pins.vcpus[VcpuId{0}] = CpuSet{CpuId{3}};
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated", {{"cpus", std::string{"5"}}}));
    domain(1).facts.metadata.content.reset();
    Reconciler later{loop_, host_, "boot", host_.images};
    start(later, host_, Config{}, sixteen_cpus());
    EXPECT_EQ(domain(1).running->pins.vcpus.at(VcpuId{0}), CpuSet{CpuId{3}});
    EXPECT_TRUE(host_.images.empty());
}

TEST_F(ReconcilerTest, RuntimeOnlyPolicyIsNotStoredAndEndsWithReset)
{
    host_.add(1, "web1", 4, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated", {}, flag_runtime_only));
    EXPECT_FALSE(domain(1).facts.metadata.content);
    EXPECT_EQ(sink_.domains[0].policy_source, "bus");
    ASSERT_TRUE(reset_policy(1));
    EXPECT_EQ(domain(1).running->pins.vcpus.at(VcpuId{0}), CpuSet::range(0, 15));
}

// As another host's daemon left it.
TEST_F(ReconcilerTest, DomainThatArrivesWithItsNotesIsManaged)
{
    auto& seen = host_.add(1, "web1", 1, 1);
    seen.definition->pins.vcpus[VcpuId{0}] = CpuSet{CpuId{3}};
    seen.running = {.pins = seen.definition->pins};
    seen.definition->note.emplace().parts["cputune/vcpupin:0"] = {.before = "", .ours = {"3"}};
    seen.running->note = seen.definition_note();
    auto& owned = host_.add(2, "web2", 1, 2);
    owned.definition->pins.vcpus[VcpuId{0}] = CpuSet{CpuId{3}};
    owned.running = {.pins = owned.definition->pins};
    use_by_default("shared");
    connect();
    EXPECT_EQ(record(1).state, PinState::pinned);
    EXPECT_NE(domain(1).running->pins.vcpus.at(VcpuId{0}), CpuSet{CpuId{3}});
    EXPECT_EQ(record(2).state, PinState::foreign) << "without a note they are its owner's";
    ASSERT_TRUE(host_.images.contains(FakeHost::uuid(1))) << "its undo is on disk here, too";
    EXPECT_TRUE(host_.images.at(FakeHost::uuid(1)).config->vcpus.empty());

    ASSERT_TRUE(set_policy(1, "none"));
    EXPECT_TRUE(domain(1).definition->pins.vcpus.empty());
    EXPECT_EQ(domain(1).running->pins.vcpus.at(VcpuId{0}), CpuSet::range(0, 15));
    EXPECT_FALSE(domain(1).definition_note() || domain(1).running_note());
    EXPECT_FALSE(host_.images.contains(FakeHost::uuid(1)));
}

TEST_F(ReconcilerTest, DeferredResetStillKnowsWhatToGiveTheRunningDomainBack)
{
    host_.add(1, "web1", 4, 1).running->pins.vcpus[VcpuId{0}] = CpuSet::range(0, 15);
    const auto original = domain(1).running->pins;
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    ASSERT_TRUE(set_policy(1, "none", {}, flag_defer));
    EXPECT_TRUE(domain(1).definition->pins.vcpus.empty());
    EXPECT_EQ(host_.images.size(), 1U);
    EXPECT_TRUE(reapply(1)) << "that ends the deferral";
    EXPECT_EQ(domain(1).running->pins.vcpus.at(VcpuId{0}), original.vcpus.at(VcpuId{0}));
    EXPECT_TRUE(host_.images.empty());
}

TEST_F(ReconcilerTest, DeferralThatEndsWhileItIsAppliedDoesNotForgetWhatToGiveBack)
{
    host_.add(1, "web1", 4, 1).running->pins.vcpus[VcpuId{0}] = CpuSet::range(0, 15);
    const auto original = domain(1).running->pins;
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    host_.before_apply = [this] {
        host_.before_apply = nullptr;
        controller_.reapply(FakeHost::uuid(1), 0, [](const auto&) {}); // ends the deferral
    };
    ASSERT_TRUE(set_policy(1, "none", {}, flag_defer));
    EXPECT_EQ(domain(1).running->pins.vcpus.at(VcpuId{0}), original.vcpus.at(VcpuId{0}));
    EXPECT_TRUE(host_.images.empty());
}

// That is held against no domain, but nor was anything given back.
TEST_F(ReconcilerTest, BeforeImageOutlivesAConnectionThatBreaksWhileItIsGivenBack)
{
    host_.add(1, "web1", 2, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    host_.refuse = [](const auto&, const auto&) {
        return Error{.code = Errc::host_unavailable, .message = "client socket is closed"};
    };
    EXPECT_FALSE(reset_policy(1));
    EXPECT_EQ(host_.images.size(), 1U);
    host_.refuse = nullptr;
    reconciler_.on_event(LibvirtLost{.why = {.message = "client socket is closed"}});
    connect();
    EXPECT_NE(domain(1).running->pins.vcpus.at(VcpuId{0}).size(), 1U) << "it still has our pin";
    EXPECT_TRUE(host_.images.empty());
    EXPECT_EQ(domain(1).definition_pins(), PinSet{});
}

} // namespace
} // namespace virtpind::test
