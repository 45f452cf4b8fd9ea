// SPDX-License-Identifier: LGPL-2.1-or-later
// What a pass comes to for one domain: its state, its error, its retries and its history.
#if defined(__GNUC__) && !defined(__clang__)
// g++ 14 takes what an optional variant holds for uninitialized where it inlines the copy.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "tests/support/spine.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace virtpind::test {
namespace {

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

std::optional<Error> busy(const DomainUuid& /*uuid*/, const LiveAction& /*action*/)
{
    return Error{.code = Errc::apply_failed, .message = "busy"};
}

TEST_F(ReconcilerTest, ReapplyDuringABackOffReportsThePresentState)
{
    host_.add(1, "web1", 4, 1);
    connect();
    host_.refuse = busy;
    ASSERT_FALSE(set_policy(1, "dedicated"));
    ASSERT_NE(record(1).state, PinState::pinned);
    domain(1).running->pins.vcpus = record(1).plan->vcpus; // somebody mends it by hand
    domain(1).running->pins.emulator = record(1).plan->emulator;
    const auto got = reapply(1);
    EXPECT_TRUE(got) << got.error().message;
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
    EXPECT_EQ(domain(1).running->pins.vcpus.at(VcpuId{0}).size(), 1U);
}

TEST_F(ReconcilerTest, LostConnectionAnswersWaitersAndTheNextOneReapplies)
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
    domain(1).running->pins.vcpus.clear();
    changed(1, "started");
    EXPECT_EQ(last_word(record(1)).rfind("pinned: ", 0), 0U) << last_word(record(1));
    domain(1).running->pins.vcpus[VcpuId{2}] = CpuSet::range(0, 15);
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
    domain(1).definition = {.pins = PinSet{}};
    domain(1).definition->note.reset();
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

} // namespace
} // namespace virtpind::test
