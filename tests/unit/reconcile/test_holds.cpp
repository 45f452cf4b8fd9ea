// SPDX-License-Identifier: LGPL-2.1-or-later
// Holds: when they are answered, what ends them, and how many there may be.
#if defined(__GNUC__) && !defined(__clang__)
// g++ 14 takes what an optional variant holds for uninitialized where it inlines the copy.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "tests/support/spine.hpp"

#include <gtest/gtest.h>

namespace virtpind::test {
namespace {

TEST_F(ReconcilerTest, HeldDomainIsLeftAloneWhileItsHolderLives)
{
    host_.add(1, "web1", 4, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    ASSERT_TRUE(hold(1));
    EXPECT_EQ(record(1).state, PinState::held);
    domain(1).running->pins.vcpus[VcpuId{0}] = CpuSet::range(0, 15);
    changed(1, "tunable");
    EXPECT_EQ(domain(1).running->pins.vcpus.at(VcpuId{0}), CpuSet::range(0, 15));
    EXPECT_EQ(controller_.release(1, ":1.8").error().code, Errc::invalid_argument);
    controller_.owner_vanished(":1.7");
    host_.answer_all();
    EXPECT_EQ(record(1).state, PinState::pinned);
    EXPECT_EQ(domain(1).running->pins.vcpus.at(VcpuId{0}).size(), 1U);
}

// The moment at which a hold was answered, as seen from the host.
class HoldDuringPass : public ReconcilerTest {
protected:
    void hold_during_apply(std::function<void()> then = [] {})
    {
        host_.add(1, "web1", 4, 1);
        connect();
        ASSERT_TRUE(set_policy(1, "dedicated"));
        domain(1).running->pins.vcpus.clear();
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

TEST_F(HoldDuringPass, IsAnsweredWhenThePassHasEnded)
{
    hold_during_apply();
    ASSERT_TRUE(reply_->ok());
    EXPECT_EQ(changes_at_reply_, 2U) << "the policy's and the repair's";
    EXPECT_EQ(record(1).state, PinState::held);
    domain(1).running->pins.vcpus.clear();
    changed(1);
    EXPECT_EQ(host_.applied.size(), 2U);
}

TEST_F(HoldDuringPass, IsUndoneWhenItsCallerLeftMeanwhile)
{
    hold_during_apply([this] { controller_.owner_vanished(":1.7"); });
    EXPECT_TRUE(record(1).holds.empty());
    EXPECT_EQ(record(1).state, PinState::pinned);
}

TEST_F(HoldDuringPass, IsUndoneWhenLibvirtGoesBeforeTheReply)
{
    hold_during_apply([this] { reconciler_.on_event(LibvirtLost{.why = unreachable()}); });
    ASSERT_FALSE(reply_->ok());
    EXPECT_EQ(reply_->error().code, Errc::host_unavailable);
    EXPECT_TRUE(record(1).holds.empty());
}

TEST_F(ReconcilerTest, HoldThatIsRefusedIsNotShown)
{
    host_.add(1, "web1", 4, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    host_.observe_error = Error{.code = Errc::apply_failed, .message = "no"};
    const auto publications = sink_.publications;
    ASSERT_FALSE(hold(1));
    EXPECT_GT(sink_.publications, publications);
    EXPECT_TRUE(sink_.manager.holds.empty());
    EXPECT_TRUE(sink_.domains.at(0).holds.empty());
    EXPECT_EQ(sink_.domains.at(0).pin_state, PinState::pinned);
}

// The pass has decided by the hold, and is at another domain.
TEST_F(ReconcilerTest, HoldThatIsRefusedLateLeavesTheStateThatItsDomainWasIn)
{
    host_.add(1, "web1", 4, 1);
    host_.add(2, "web2", 4, 2);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    ASSERT_TRUE(set_policy(2, "dedicated"));
    domain(2).running->pins.vcpus.clear();
    host_.before_apply = [this] {
        host_.before_apply = nullptr;
        EXPECT_EQ(record(1).state, PinState::held);
        reconciler_.on_event(LibvirtLost{.why = unreachable()});
    };
    ASSERT_FALSE(hold(1));
    EXPECT_TRUE(sink_.manager.holds.empty());
    EXPECT_EQ(sink_.domains.at(0).pin_state, PinState::pinned);
}

TEST_F(ReconcilerTest, HoldMayBeOfADomainThatHasFailed)
{
    host_.add(1, "web1", 4, 1).facts.metadata.content =
        Error{.code = Errc::invalid_policy, .message = "unknown option"};
    connect();
    EXPECT_TRUE(hold(1));
    EXPECT_EQ(record(1).state, PinState::failed) << "which is what its owner must see";
}

// Who releases a hold does not wait for the pass that follows, but one does.
TEST_F(ReconcilerTest, HoldThatEndsWhileNoSlotIsFreeIsSeenAllTheSame)
{
    host_.add(1, "web1", 2, 1);
    use_by_default("dedicated");
    connect();
    const auto cookie = hold(1);
    ASSERT_TRUE(cookie);
    ASSERT_EQ(record(1).state, PinState::held);
    reconciler_.on_event(DomainChanged{.uuid = FakeHost::uuid(1), .what = "tunable"});
    Requests requests;
    requests.reapply(controller_, Reconciler::waiting_max);
    host_.answer_all(1); // all of them wait for the pass that begins now
    host_.add(2, "new", 1, 2);
    host_.answer_all(1); // and that is decided, with the hold; how the other was, is being saved
    EXPECT_EQ(requests.waiting(), Reconciler::waiting_max);
    ASSERT_TRUE(controller_.release(*cookie, ":1.7"));
    host_.answer_all();
    EXPECT_EQ(record(1).state, PinState::pinned);
}

// They wait for nothing, so they take nobody's place.
TEST_F(ReconcilerTest, HoldsThatEndWithTheirOwnerTakeNoSlot)
{
    for (int number = 1; number <= 20; ++number) {
        host_.add(number, "web" + std::to_string(number), 1, number);
    }
    connect();
    for (int number = 1; number <= 20; ++number) {
        ASSERT_TRUE(hold(number));
    }
    const auto looks = host_.observations;
    controller_.owner_vanished(":1.7");
    Requests requests;
    requests.reapply(controller_, Reconciler::waiting_max);
    EXPECT_EQ(requests.refused, 0U);
    host_.answer_all();
    EXPECT_LE(host_.observations, looks + 2) << "one look is for all of them";
    for (int number = 1; number <= 20; ++number) {
        EXPECT_TRUE(record(number).holds.empty());
        EXPECT_NE(record(number).state, PinState::held);
    }
}

TEST_F(ReconcilerTest, ReasonOfAHoldIsBounded)
{
    host_.add(1, "web1", 2, 1);
    connect();
    const auto hold_for = [this](std::size_t bytes) {
        return hold(1, ":1.7", std::string(bytes, 'x'));
    };
    EXPECT_TRUE(hold_for(256));
    EXPECT_EQ(record(1).holds.begin()->second.reason.size(), 256U);
    for (const auto bytes : {std::size_t{0}, std::size_t{257}}) {
        const auto refused = hold_for(bytes);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, Errc::invalid_argument);
        EXPECT_NE(refused.error().message.find("1 to 256"), std::string::npos);
    }
}

TEST_F(ReconcilerTest, HoldsOfADomainAreBounded)
{
    host_.add(1, "web1", 2, 1);
    connect();
    for (std::size_t i = 0; i < DomainRecord::holds_max; ++i) {
        ASSERT_TRUE(hold(1));
    }
    const auto refused = hold(1);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::limits_exceeded);
    controller_.owner_vanished(":1.7");
    EXPECT_TRUE(hold(1, ":1.8"));
}

} // namespace
} // namespace virtpind::test
