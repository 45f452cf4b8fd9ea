// SPDX-License-Identifier: LGPL-2.1-or-later
// Whose answer is next.
#include "dbus/fair_queue.hpp"
#include "dbus/options.hpp"
#include "tests/support/bus_test.hpp"

#include <malloc.h>

#include <algorithm>
#include <optional>

namespace virtpind::bus {
namespace {

using namespace std::chrono_literals;

constexpr uid_t first = 0; // has a share of its own
constexpr uid_t alice = 1001;
constexpr uid_t bob = 1002;
constexpr uid_t carol = 1003;

class BusTurns : public testing::Test {
protected:
    // By a connection of that name.
    void add(uid_t user, const std::string& name, std::chrono::milliseconds lasts = 1ms)
    {
        turns_.add({.user = user, .name = name}, [this, name, lasts] {
            given_ += name;
            now_ += lasts;
        });
    }

    // As the loop does it: waits for the next one, if it must.
    void take_all()
    {
        while (!turns_.empty()) {
            now_ = std::max(now_, turns_.due());
            turns_.take_next();
        }
    }

    FairQueue::Clock::time_point now_ = FairQueue::Clock::now(); // moves only when it is told to
    FairQueue turns_{[this] { return now_; }, [](uid_t user) { return user == first; }};
    std::string given_;
};

TEST_F(BusTurns, NobodyWaitsForAllCallsOfAnother)
{
    for (int i = 0; i < 4; ++i) {
        add(alice, "a", 2ms);
    }
    turns_.take_next();
    add(bob, "b");
    add(carol, "c");
    take_all();
    EXPECT_EQ(given_, "abcaaa");
}

TEST_F(BusTurns, UsersWithManyCallsAreAnsweredInTurn)
{
    for (int i = 0; i < 3; ++i) {
        add(alice, "a");
        add(bob, "b");
    }
    take_all();
    EXPECT_EQ(given_, "ababab");
}

TEST_F(BusTurns, UserWithManyConnectionsHasNoMoreTurnsThanOneWithOne)
{
    for (const auto* name : {"1", "2", "3"}) {
        add(alice, name);
    }
    for (int i = 0; i < 3; ++i) {
        add(bob, "b");
    }
    take_all();
    EXPECT_EQ(given_, "1b2b3b");
}

TEST_F(BusTurns, ConnectionsOfOneUserAreAnsweredInTurn)
{
    for (int i = 0; i < 3; ++i) {
        add(alice, "a");
    }
    add(alice, "b");
    take_all();
    EXPECT_EQ(given_, "abaa");
}

TEST_F(BusTurns, EveryOtherTurnIsOfWhoHasAShareOfItsOwn)
{
    for (uid_t user = 1000; user < 1004; ++user) {
        add(user, std::to_string(user - 1000));
        add(user, std::to_string(user - 1000));
    }
    now_ += 1s; // all have been due for long
    for (const auto* name : {"r", "s", "t"}) {
        add(first, name);
    }
    for (int i = 0; i < 7; ++i) {
        turns_.take_next();
    }
    EXPECT_EQ(given_, "r0s1t23");
}

TEST_F(BusTurns, WhoMakesManyCallsLeavesTimeToOthers)
{
    add(alice, "a", 2ms);
    add(alice, "b");
    turns_.take_next();
    EXPECT_EQ(turns_.due(), now_ + FairQueue::rest * 2ms) << "by whichever connection";
    add(bob, "c");
    EXPECT_EQ(turns_.due(), now_) << "others need not wait";
}

TEST_F(BusTurns, ConnectionsOfWhoHasAShareOfItsOwnRestEachForItself)
{
    add(first, "a", 2ms);
    add(first, "a");
    turns_.take_next();
    EXPECT_EQ(turns_.due(), now_ + FairQueue::rest * 2ms);
    add(first, "b");
    EXPECT_EQ(turns_.due(), now_);
}

TEST_F(BusTurns, OneCallAfterTheOtherIsAnsweredAtOnce)
{
    for (int i = 0; i < 3; ++i) {
        add(alice, "a", 5ms);
        EXPECT_EQ(turns_.due(), now_);
        turns_.take_next();
    }
    EXPECT_EQ(given_, "aaa");
}

TEST_F(BusTurns, WhoLeftIsDropped)
{
    add(alice, "a");
    add(alice, "b");
    add(bob, "c");
    add(alice, "a");
    turns_.forget("a");
    turns_.forget("c");
    turns_.forget("nobody");
    take_all();
    EXPECT_EQ(given_, "b");
}

TEST_F(BusTurns, CallerMayLeaveWhileItIsAnswered)
{
    turns_.add({.user = alice, .name = "a"}, [this] { turns_.forget("a"); });
    add(alice, "a");
    turns_.take_next();
    EXPECT_EQ(given_, "");
    EXPECT_TRUE(turns_.empty());
}

class BusTurnsOnABus : public test::BusTest {
protected:
    // Calls of another client, by default of what takes 2 ms, all of them in the service's socket.
    std::vector<std::shared_ptr<test::CallReply>> flood(const test::Client& flooder,
                                                        const char* interface = test::manager,
                                                        const char* method = "Describe")
    {
        port.describing = 2ms;
        std::vector<std::shared_ptr<test::CallReply>> replies;
        for (std::size_t i = 0; i < 100; ++i) { // the bus allows 128
            replies.push_back(flooder_->send(test::manager_path, interface, method, ""));
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

// The service numbers what it sends.
std::uint64_t number_of(const test::CallReply& reply)
{
    std::uint64_t number = 0;
    test::require(sd_bus_message_get_cookie(reply.message.get(), &number), "number");
    return number;
}

TEST_F(BusTurnsOnABus, CallDoesNotWaitForAFloodThatTheLibraryAnswers)
{
    std::vector<DomainView> many;
    for (int i = 100; i < 150; ++i) {
        many.push_back(test::web1_view());
        many.back().uuid = DomainUuid{"1b4e28ba-2fa1-11d2-883f-0016d3cca" + std::to_string(i)};
    }
    service->publish(test::manager_view(), many);
    const auto replies =
        flood(*flooder_, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects");
    const auto own = client->call(test::manager_path, test::manager, "ListDomains", "");
    ASSERT_TRUE(loop.run_until([&] { return replies.back()->message != nullptr; }));
    const auto before = std::count_if(replies.begin(), replies.end(), [&](const auto& reply) {
        EXPECT_TRUE(reply->error.empty()) << reply->text;
        return number_of(*reply) < number_of(own);
    });
    EXPECT_LT(before, 25) << "of 100";
}

// They could be large, and are of no use.
TEST_F(BusTurnsOnABus, CallsThatTheLibraryRefusesDoNotWait)
{
    const auto replies =
        flood(*flooder_, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects");
    const auto wrong = flooder_->send(test::manager_path, "org.freedesktop.DBus.ObjectManager",
                                      "GetManagedObjects", "s", "x");
    const auto elsewhere =
        flooder_->send("/", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", "");
    ASSERT_TRUE(loop.run_until([&] { return replies.back()->message != nullptr; }));
    for (const auto& refused : {wrong, elsewhere}) {
        ASSERT_TRUE(loop.run_until([&] { return refused->message != nullptr; }));
        EXPECT_FALSE(refused->error.empty());
        EXPECT_LT(number_of(*refused), number_of(*replies.back()));
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

TEST_F(BusTurnsOnABus, CallsOfWhoLeftLeaveNothingBehind)
{
    const auto flood_and_leave = [&](int times) {
        for (int i = 0; i < times; ++i) {
            const auto replies = flood(*flooder_);
            ASSERT_TRUE(loop.run_until([&] { return replies.front()->message != nullptr; }));
            flooder_->leave();
            flooder_ = std::make_unique<test::Client>(loop, bus.address());
        }
        ASSERT_TRUE(alive());
        malloc_trim(0);
    };
    flood_and_leave(5);
    const auto before = mallinfo2().uordblks;
    flood_and_leave(20);
    EXPECT_LT(mallinfo2().uordblks, before + 256 * 1024) << "bytes in use";
}

// Whoever has nothing waiting does not rest with who has.
TEST_F(BusTurnsOnABus, CallIsNotHeldUpByTheRestOfAnother)
{
    port.describing = 300ms;
    std::vector<std::shared_ptr<test::CallReply>> replies;
    for (int i = 0; i < 3; ++i) {
        replies.push_back(flooder_->send(test::manager_path, test::manager, "Describe", ""));
    }
    ASSERT_TRUE(flooder_->sees(flooder_->name())) << "all have reached the service";
    ASSERT_TRUE(loop.run_until([&] { return replies.front()->message != nullptr; }));
    for (int i = 0; i < 3; ++i) {
        const auto reply = client->call(test::manager_path, test::manager, "ListDomains", "");
        EXPECT_TRUE(reply.error.empty()) << reply.text;
    }
    EXPECT_EQ(port.described, 1U) << "they were answered within the rest of 900 ms";
    ASSERT_TRUE(loop.run_until([&] { return replies.back()->message != nullptr; }));
}

TEST_F(BusTurnsOnABus, ArgumentsAreCheckedBeforeTheyWait)
{
    const auto before = flood(*flooder_);
    const auto large = flooder_->send(test::manager_path, test::manager, "Plan", "ssa{sv}", "web1",
                                      std::string(text_bytes_max + 1, 'x').c_str(), 0);
    ASSERT_TRUE(loop.run_until([&] { return large->message != nullptr; }));
    EXPECT_NE(large->text.find("policy is 4097 bytes"), std::string::npos) << large->text;
    EXPECT_LT(port.described, before.size() / 2) << "it did not wait for its turn";
}

} // namespace
} // namespace virtpind::bus
