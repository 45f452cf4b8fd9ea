// SPDX-License-Identifier: LGPL-2.1-or-later
// What is read back after a change, and what happens when it is something else or changes again.
#if defined(__GNUC__) && !defined(__clang__)
// g++ 14 takes what an optional variant holds for uninitialized where it inlines the copy.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "daemon/reconcile/outcome.hpp"
#include "tests/support/spine.hpp"

#include <gtest/gtest.h>

namespace virtpind::test {
namespace {

TEST_F(ReconcilerTest, PinsChangedByHandAreReapplied)
{
    host_.add(1, "web1", 4, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    const auto pins = domain(1).running->pins.vcpus;
    domain(1).running->pins.vcpus[VcpuId{2}] = CpuSet::range(0, 15);
    changed(1, "tunable");
    EXPECT_EQ(domain(1).running->pins.vcpus, pins);
}

TEST_F(ReconcilerTest, ConflictWithSomebodyElseIsSlowedDown)
{
    host_.add(1, "web1", 4, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    for (int i = 0; i < 50; ++i) {
        domain(1).running->pins.vcpus[VcpuId{2}] = CpuSet::range(0, 15);
        changed(1, "tunable");
    }
    EXPECT_LT(host_.applied.size(), 10U);
}

TEST_F(ReconcilerTest, ConflictStaysSlowAsLongAsItGoesOn)
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

// Nobody quarrels there: the definition is what comes of the change, and no write alters that.
TEST_F(ReconcilerTest, ChangeWithoutAnyEffectIsNotRepeated)
{
    host_.add(1, "web1", 4, std::nullopt);
    connect();
    host_.differs = std::vector<std::string>{};
    ASSERT_TRUE(set_policy(1, "dedicated"));
    EXPECT_EQ(host_.applied.size(), 1U);
    EXPECT_EQ(record(1).last_applied_usec, 0U) << "nothing was changed";
    EXPECT_TRUE(sink_.results.empty());
    for (int i = 0; i < 5; ++i) {
        changed(1, "defined");
    }
    EXPECT_EQ(host_.applied.size(), 1U);
    domain(1).definition->pins.emulator = CpuSet{CpuId{3}}; // somebody edits it
    changed(1, "defined");
    EXPECT_EQ(host_.applied.size(), 2U) << "that is another definition";
    ASSERT_TRUE(set_policy(1, "shared"));
    EXPECT_EQ(host_.applied.size(), 3U) << "that is another change";
}

TEST_F(ReconcilerTest, DefinitionThatLibvirtDoesNotKeepIsAFailureWithAName)
{
    host_.add(1, "web1", 4, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "shared", {{"cpus", std::string{"2-5"}}}));
    host_.differs = {"the definition of web1 is not tuned as it was written"};
    domain(1).definition->pins.emulator = CpuSet{CpuId{3}};
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
    host_.differs.reset();
    EXPECT_TRUE(set_policy(1, "shared"));
    EXPECT_EQ(record(1).state, PinState::pinned);
}

// A guest that starts from a saved state has the metadata of then.
TEST_F(ReconcilerTest, RunningDomainShowsThePolicyThatHolds)
{
    host_.add(1, "web1", 4, std::nullopt);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    FakeHost::start(domain(1), 1);
    domain(1).running->policy = PolicySpec{.name = "shared", .options = {}};
    changed(1, "started");
    ASSERT_TRUE(domain(1).running->policy);
    EXPECT_EQ(domain(1).running->policy->name, "dedicated");
    const auto applied = host_.applied.size();
    changed(1, "metadata");
    EXPECT_EQ(host_.applied.size(), applied) << "once";
}

TEST_F(ReconcilerTest, NotesAreWrittenOnceAndAgainWhenSomebodyTakesThemAway)
{
    host_.add(1, "web1", 2, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    const auto live = domain(1).running_note();
    const auto config = domain(1).definition_note();
    ASSERT_TRUE(live && config);
    const auto writes = host_.applied.size();
    changed(1, "metadata"); // our own write
    EXPECT_EQ(host_.applied.size(), writes);
    domain(1).running->note.reset();
    domain(1).definition->note.reset();
    changed(1, "metadata");
    EXPECT_EQ(host_.applied.size(), writes + 1);
    EXPECT_EQ(domain(1).running_note(), live);
    EXPECT_EQ(domain(1).definition_note(), config);
}

TEST_F(ReconcilerTest, WrittenDefinitionIsRememberedWhenTheDomainIsRestartedRightAfter)
{
    host_.add(1, "web1", 4, 1);
    const auto original = domain(1).definition->pins;
    connect();
    host_.before_read_back = [this] {
        host_.before_read_back = nullptr;
        FakeHost::stop(domain(1));
        FakeHost::start(domain(1), 2);
    };
    ASSERT_TRUE(set_policy(1, "dedicated"));
    ASSERT_FALSE(domain(1).definition->pins.vcpus.empty());
    ASSERT_TRUE(reset_policy(1));
    EXPECT_EQ(domain(1).definition->pins, original);
}

} // namespace
} // namespace virtpind::test
