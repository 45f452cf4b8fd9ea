// SPDX-License-Identifier: LGPL-2.1-or-later
// Whose answer is next.
#include "bus_harness.hpp"
#include "dbus/turns.hpp"

#include <thread>

namespace virtpind::bus {
namespace {

using namespace std::chrono_literals;

class BusTurns : public testing::Test {
protected:
    void add(const std::string& caller, std::chrono::milliseconds lasts = 0ms)
    {
        ASSERT_TRUE(turns_.add(caller, [this, caller, lasts] {
            order_ += caller;
            std::this_thread::sleep_for(lasts); // an answer that takes so long to make
        }));
    }

    void take_all()
    {
        while (!turns_.empty()) {
            turns_.take_next();
        }
    }

    Turns turns_;
    std::string order_;
};

TEST_F(BusTurns, NobodyWaitsForAllCallsOfAnother)
{
    for (int i = 0; i < 4; ++i) {
        add("a", 2ms);
    }
    turns_.take_next();
    add("b");
    add("c");
    take_all();
    EXPECT_EQ(order_, "abcaaa");
}

TEST_F(BusTurns, CallersWithManyCallsAreAnsweredInTurn)
{
    for (int i = 0; i < 3; ++i) {
        add("a", 1ms);
        add("b", 1ms);
    }
    take_all();
    EXPECT_EQ(order_, "ababab");
}

TEST_F(BusTurns, WhoMakesManyCallsLeavesTimeToOthers)
{
    add("a", 2ms);
    add("a");
    turns_.take_next();
    EXPECT_GE(turns_.due(), Turns::Clock::now() + 2ms) << "several times as long as it took";
    add("b");
    EXPECT_LE(turns_.due(), Turns::Clock::now()) << "others need not wait";
}

TEST_F(BusTurns, OneCallAfterTheOtherIsAnsweredAtOnce)
{
    for (int i = 0; i < 3; ++i) {
        add("a", 5ms);
        EXPECT_LE(turns_.due(), Turns::Clock::now());
        turns_.take_next();
    }
    EXPECT_EQ(order_, "aaa");
}

TEST_F(BusTurns, WhoLeftIsNotAnswered)
{
    add("a");
    add("b");
    add("a");
    turns_.forget("a");
    turns_.forget("nobody");
    take_all();
    EXPECT_EQ(order_, "b");
}

TEST_F(BusTurns, AreBoundedPerCallerAndInAll)
{
    for (std::size_t i = 0; i < Turns::per_caller_max; ++i) {
        add("a");
    }
    const auto refused = turns_.add("a", [] {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::limits_exceeded);
    EXPECT_NE(refused.error().message.find("128 calls of yours"), std::string::npos);
    for (std::size_t i = Turns::per_caller_max; i < Turns::in_all_max; ++i) {
        add("b" + std::to_string(i));
    }
    EXPECT_EQ(turns_.add("c", [] {}).error().code, Errc::limits_exceeded);
    turns_.forget("a");
    for (std::size_t i = 0; i < Turns::per_caller_max; ++i) {
        add("c");
    }
    EXPECT_FALSE(turns_.add("d", [] {})) << "what was forgotten has left room for so many";
}

class BusTurnsOnABus : public test::BusTest {
protected:
    // Calls of another client that take 2 ms each, all of them in the service's socket.
    std::vector<std::shared_ptr<test::CallReply>> flood(const test::Client& flooder)
    {
        port.describing = 2ms;
        std::vector<std::shared_ptr<test::CallReply>> replies;
        for (std::size_t i = 0; i < Turns::per_caller_max; ++i) {
            replies.push_back(flooder_->send(test::manager_path, test::manager, "Describe", ""));
        }
        EXPECT_TRUE(flooder.sees(flooder.name()));
        return replies;
    }

    std::unique_ptr<test::Client> flooder_ = std::make_unique<test::Client>(loop, bus.address());
};

TEST_F(BusTurnsOnABus, CallDoesNotWaitForAFloodBeforeIt)
{
    const auto replies = flood(*flooder_);
    const auto reply = client->call(test::manager_path, test::manager, "ListDomains", "");
    EXPECT_TRUE(reply.error.empty()) << reply.text;
    EXPECT_LT(port.described, replies.size() / 4);
    ASSERT_TRUE(loop.run_until([&] { return replies.back()->message != nullptr; }));
    EXPECT_EQ(port.described, replies.size()) << "all are answered";
    for (const auto& answered : replies) {
        EXPECT_TRUE(answered->error.empty()) << answered->text;
    }
}

TEST_F(BusTurnsOnABus, CallsOfWhoLeftAreDropped)
{
    const auto replies = flood(*flooder_);
    flooder_->leave();
    EXPECT_TRUE(alive());
    const auto described = port.described;
    EXPECT_LT(described, replies.size() / 2);
    EXPECT_TRUE(alive());
    EXPECT_LE(port.described, described + 2);
}

} // namespace
} // namespace virtpind::bus
