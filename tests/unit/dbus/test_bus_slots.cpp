// SPDX-License-Identifier: LGPL-2.1-or-later
// How much may be open, what the bytes in the socket say of a message, and when libsystemd may read
// them; without a bus.
#include "dbus/call_slots.hpp"
#include "dbus/inlet.hpp"
#include "dbus/raw_head.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <map>
#include <vector>

namespace virtpind::bus {
namespace {

using namespace std::string_literals;

constexpr uid_t root = 0;
constexpr uid_t alice = 1001;
constexpr uid_t bob = 1002;

class BusRoom : public testing::Test {
protected:
    // Whether there was room; what is taken is kept.
    bool take(std::optional<uid_t> user, const std::string& sender, std::size_t bytes = 100,
              bool expects_answer = true)
    {
        auto place = slots_.take(
            {.user = user, .sender = sender, .bytes = bytes, .expects_answer = expects_answer});
        if (place) {
            taken_[sender].push_back(std::move(*place));
        } else {
            EXPECT_EQ(place.error().code, Errc::limits_exceeded);
            EXPECT_NE(place.error().message.find("wait for their replies"), std::string::npos);
        }
        return place.ok();
    }

    // How many calls of that user are let in, by connections that have 100 each.
    std::size_t fill(uid_t user, std::size_t bytes, std::size_t most)
    {
        std::size_t count = 0;
        while (count < most &&
               take(user, std::to_string(user) + "." + std::to_string(count / 100), bytes)) {
            ++count;
        }
        return count;
    }

    CallSlots slots_{[](uid_t user) { return user == root; }};
    std::map<std::string, std::vector<CallSlots::Place>> taken_;
};

TEST_F(BusRoom, OneConnectionHasAsManyCallsAsTheBusLetsItWaitFor)
{
    for (std::size_t i = 0; i < CallSlots::per_connection_max; ++i) {
        ASSERT_TRUE(take(alice, "a"));
    }
    EXPECT_FALSE(take(alice, "a"));
    EXPECT_TRUE(take(alice, "b"));
    taken_["a"].pop_back();
    EXPECT_TRUE(take(alice, "a")) << "a place was given back";
}

TEST_F(BusRoom, UserIsBoundedWhateverTheConnections)
{
    EXPECT_EQ(fill(alice, 2000, 1000), CallSlots::per_user_max.calls);
    EXPECT_FALSE(take(alice, "new", 2000));
    EXPECT_TRUE(take(alice, "new", CallSlots::small_bytes)) << "a connection that has nothing open";
    EXPECT_FALSE(take(alice, "new", CallSlots::small_bytes));
    EXPECT_TRUE(take(bob, "b", 2000));
}

TEST_F(BusRoom, UserIsBoundedInBytes)
{
    constexpr std::size_t large = 32 * 1024;
    EXPECT_EQ(fill(alice, large, 1000), CallSlots::per_user_max.bytes / large);
}

TEST_F(BusRoom, AllAreBoundedButNotWhoHasAShareOfItsOwn)
{
    uid_t user = alice;
    std::size_t in_all = 0;
    for (std::size_t got = 1; got > 0; ++user) {
        got = fill(user, 2000, 200);
        in_all += got;
    }
    EXPECT_EQ(in_all, CallSlots::in_all_max.calls);
    EXPECT_TRUE(take(bob + 500, "small", CallSlots::small_bytes)) << "nobody is kept out";
    EXPECT_EQ(fill(root, 2000, 1000), CallSlots::per_user_max.calls) << "but bounded for itself";
}

TEST_F(BusRoom, AllAreBoundedInBytes)
{
    constexpr std::size_t large = 32 * 1024;
    std::size_t in_all = 0;
    for (uid_t user = alice; user < alice + 10; ++user) {
        in_all += fill(user, large, 1000);
    }
    EXPECT_EQ(in_all, CallSlots::in_all_max.bytes / large);
}

TEST_F(BusRoom, CallsThatExpectNoAnswerAreFew)
{
    for (std::size_t i = 0; i < CallSlots::unheard_max; ++i) {
        EXPECT_FALSE(slots_.is_full_of_unheard(alice, "a"));
        ASSERT_TRUE(take(alice, "a", 100, false));
    }
    EXPECT_TRUE(slots_.is_full_of_unheard(alice, "a"));
    EXPECT_FALSE(take(alice, "a", 100, false));
    EXPECT_TRUE(take(alice, "a")) << "one that does expect an answer";
    EXPECT_TRUE(take(alice, "b", 100, false)) << "a connection that has nothing open";
    EXPECT_FALSE(slots_.is_full_of_unheard(bob, "c"));
    for (std::size_t i = 0; i < 2 * CallSlots::unheard_max; ++i) {
        EXPECT_TRUE(take(root, "r", 100, false));
    }
    taken_.clear();
    EXPECT_TRUE(take(alice, "a", 100, false));
}

TEST_F(BusRoom, WhoIsNotKnownYetIsCountedWithAllWhoAreNot)
{
    std::size_t newcomers = 0;
    while (newcomers < 5000 && take(std::nullopt, "n" + std::to_string(newcomers / 100), 2000)) {
        ++newcomers;
    }
    EXPECT_EQ(newcomers, CallSlots::in_all_max.calls);
    EXPECT_TRUE(take(std::nullopt, "late", CallSlots::small_bytes));
    EXPECT_TRUE(take(alice, "a", 2000)) << "those who are known are not concerned";
}

TEST_F(BusRoom, PlaceMayOutliveTheRoom)
{
    auto room = std::make_unique<CallSlots>([](uid_t) { return false; });
    auto place = room->take({.user = alice, .sender = "a", .bytes = 1});
    ASSERT_TRUE(place);
    room.reset();
    place->reset();
}

// A message as it comes from a socket: a fixed head, and the fields given.
std::string bytes_of(char order, char type, char flags, const std::string& fields,
                     std::uint32_t body)
{
    const auto number = [order](std::uint32_t value) {
        std::string bytes;
        for (int i = 0; i < 4; ++i) {
            bytes += static_cast<char>(value >> 8 * (order == 'l' ? i : 3 - i));
        }
        return bytes;
    };
    return ""s + order + type + flags + '\1' + number(body) + number(7) +
           number(static_cast<std::uint32_t>(fields.size())) + fields;
}

const auto interface_field = "\2\1s\0\3\0\0\0a.b\0"s + std::string(4, '\0'); // aligned to 8
const auto member_field = "\3\1s\0\2\0\0\0Go\0"s + std::string(5, '\0');
const auto sender_field = "\7\1s\0\4\0\0\0:1.5\0"s;

TEST(BusRawHead, TellsWhatAMessageIsAndWhoSentIt)
{
    const auto bytes = bytes_of('l', 1, 0, interface_field + member_field + sender_field, 1000);
    const auto size = MessageSize::read(bytes);
    EXPECT_EQ(size.body, 1000U);
    EXPECT_EQ(size.all, (bytes.size() + 7) / 8 * 8 + 1000);
    EXPECT_FALSE(size.too_large());
    const auto head = RawHead::read(bytes);
    EXPECT_TRUE(head.is_call && head.expects_answer && !head.is_signal);
    EXPECT_EQ(head.serial, 7U);
    EXPECT_EQ(head.sender, ":1.5");
    EXPECT_EQ(head.interface, "a.b");
    EXPECT_EQ(head.member, "Go");
    EXPECT_FALSE(RawHead::read(bytes_of('l', 1, 1, sender_field, 0)).expects_answer);
    EXPECT_TRUE(RawHead::read(bytes_of('l', 4, 1, sender_field, 0)).is_signal);
}

TEST(BusRawHead, ReadsTheOtherOrderOfBytesToo)
{
    const auto bytes = bytes_of('B', 1, 0, "\7\1s\0\0\0\0\4:1.5\0"s, 0x01020304);
    EXPECT_EQ(MessageSize::read(bytes).body, 0x01020304U);
    EXPECT_TRUE(MessageSize::read(bytes).too_large());
    EXPECT_EQ(RawHead::read(bytes).sender, ":1.5");
    EXPECT_EQ(RawHead::read(bytes).serial, 7U);
}

TEST(BusRawHead, BoundsTheHeadAndTheBody)
{
    const auto most = bytes_of('l', 1, 0, std::string(header_fields_max, '\0'), body_max);
    EXPECT_FALSE(MessageSize::read(most).too_large());
    EXPECT_TRUE(MessageSize::read(bytes_of('l', 1, 0, "", body_max + 1)).too_large());
    EXPECT_TRUE(MessageSize::read(bytes_of('l', 1, 0, std::string(header_fields_max + 1, '\0'), 0))
                    .too_large());
}

TEST(BusRawHead, OnlyACallWithADefinitionHasALongerBody)
{
    const auto manager = "\2\1s\0\25\0\0\0org.virtpind1.Manager\0"s + std::string(2, '\0');
    const auto plan_xml = "\3\1s\0\7\0\0\0PlanXML\0"s;
    const auto most_of = [](char type, const std::string& fields) {
        return RawHead::read(bytes_of('l', type, 0, fields, 0)).body_max_of();
    };
    EXPECT_EQ(most_of(1, manager + plan_xml), body_with_xml_max);
    EXPECT_EQ(most_of(1, manager + member_field), body_max);
    EXPECT_EQ(most_of(1, interface_field + plan_xml), body_max);
    EXPECT_EQ(most_of(4, manager + plan_xml), body_max) << "a signal";
    EXPECT_GT(CallSlots::per_user_max.bytes, body_with_xml_max);
}

// Whatever is cut off or does not fit together, is not there.
TEST(BusRawHead, ReadsNoFurtherThanThereIs)
{
    const auto whole = bytes_of('l', 1, 0, interface_field + member_field + sender_field, 0);
    for (auto size = MessageSize::head_bytes; size < whole.size(); ++size) {
        EXPECT_EQ(RawHead::read(std::string_view{whole}.substr(0, size)).sender, "") << size;
    }
    for (const auto& field : {"\7\1s\0\377\377\377\377x"s, "\7\1s\0\376\377\377\377x"s,
                              "\7\1g\0\377x"s, "\7\1v\0\1"s, "\7\2ss\0"s, "\7"s}) {
        EXPECT_EQ(RawHead::read(bytes_of('l', 1, 0, field, 0)).sender, "");
    }
}

// Else the loop would be woken for ever: there is something to read, and it never is enough.
TEST(BusInlet, LeavesAnEndInTheMiddleOfAHeadToLibsystemd)
{
    std::array<int, 2> ends{};
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    Inlet inlet{nullptr, ends[0], [](const RawHead&) { return false; }};
    ASSERT_EQ(write(ends[1], "l\1\0\1x", 5), 5);
    EXPECT_EQ(inlet.look(), Inlet::Next::nothing) << "the rest may come";
    close(ends[1]);
    EXPECT_EQ(inlet.look(), Inlet::Next::message) << "it will not";
    close(ends[0]);
}

} // namespace
} // namespace virtpind::bus
