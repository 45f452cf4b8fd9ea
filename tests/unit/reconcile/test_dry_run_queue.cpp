// SPDX-License-Identifier: LGPL-2.1-or-later
// Plans for many callers, on a real loop.
#include "daemon/reconcile/dry_run_queue.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace virtpind {
namespace {

using namespace std::chrono_literals;

constexpr uid_t root = 0;
constexpr uid_t alice = 100'001; // nobody who runs tests
constexpr uid_t bob = 100'002;

class DryRunQueueTest : public testing::Test {
protected:
    Result<void> add(uid_t user)
    {
        return queue_.add(user,
                          [this](DryRunQueue::Done done) { made_.push_back(std::move(done)); });
    }

    // Until `count` plans are made, or for a while.
    void run_until_made(std::size_t count)
    {
        const auto deadline = std::chrono::steady_clock::now() + 10s;
        while (made_.size() < count && std::chrono::steady_clock::now() < deadline) {
            ASSERT_GE(sd_event_run(loop_.raw(), 10'000), 0);
        }
        EXPECT_EQ(made_.size(), count);
    }

    loop::EventLoop loop_ = *loop::EventLoop::create();
    DryRunQueue queue_{loop_};
    std::vector<DryRunQueue::Done> made_; // and not yet answered
};

TEST_F(DryRunQueueTest, BoundsWhatOneUserMayHaveUnderWay)
{
    for (std::size_t i = 0; i < DryRunQueue::Places::each_max; ++i) {
        ASSERT_TRUE(add(alice));
    }
    EXPECT_TRUE(made_.empty()) << "none while the call itself is being handled";
    const auto refused = add(alice);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::limits_exceeded);
    EXPECT_NE(refused.error().message.find("2 of yours"), std::string::npos);
    EXPECT_TRUE(add(bob)) << "another is not concerned";
    run_until_made(3);
    EXPECT_FALSE(add(alice)) << "made, but not answered";
    made_.front()();
    EXPECT_TRUE(add(alice));
}

TEST_F(DryRunQueueTest, BoundsAllTogether)
{
    for (std::size_t i = 0; i < DryRunQueue::Places::total_max; ++i) {
        ASSERT_TRUE(add(alice + static_cast<uid_t>(i)));
    }
    EXPECT_EQ(add(alice + 99).error().code, Errc::limits_exceeded);
    run_until_made(DryRunQueue::Places::total_max);
    for (const auto& done : made_) {
        done();
    }
    EXPECT_TRUE(add(alice + 99));
}

TEST_F(DryRunQueueTest, NobodyKeepsRootOut)
{
    for (std::size_t i = 0; i < DryRunQueue::Places::total_max; ++i) {
        ASSERT_TRUE(add(alice + static_cast<uid_t>(i)));
    }
    std::vector<std::size_t> made_before;
    const auto note = [&](const DryRunQueue::Done& done) {
        made_before.push_back(made_.size());
        done();
    };
    for (std::size_t i = 0; i < DryRunQueue::Places::each_max; ++i) {
        EXPECT_TRUE(queue_.add(root, note));
    }
    EXPECT_FALSE(queue_.add(root, note)) << "not more than anybody else";
    run_until_made(DryRunQueue::Places::total_max);
    EXPECT_EQ(made_before, (std::vector<std::size_t>{0, 1})) << "every other one is root's";
    EXPECT_EQ(add(bob + 99).error().code, Errc::limits_exceeded) << "others are as many as before";
}

// Each plan takes 20 ms here: half of the time is the others'.
TEST_F(DryRunQueueTest, LeavesTimeBetweenTwoPlans)
{
    std::vector<std::chrono::steady_clock::time_point> begun;
    for (int i = 0; i < 4; ++i) {
        ASSERT_TRUE(queue_.add(alice + static_cast<uid_t>(i), [&](const DryRunQueue::Done& done) {
            begun.push_back(std::chrono::steady_clock::now());
            std::this_thread::sleep_for(20ms);
            done();
            made_.push_back(done);
        }));
    }
    run_until_made(4);
    for (std::size_t i = 1; i < begun.size(); ++i) {
        EXPECT_GE(begun[i] - begun[i - 1], 39ms);
    }
}

} // namespace
} // namespace virtpind
