// SPDX-License-Identifier: LGPL-2.1-or-later
// What services of other versions answer, and errors of the bus.
#include "clients/bus/call_errors.hpp"
#include "clients/bus/properties.hpp"
#include "clients/view/guest_state.hpp"

#include <gtest/gtest.h>
#include <sdbus-c++/sdbus-c++.h>

namespace virtpind::client {
namespace {

using Row = sdbus::Struct<std::string, std::string>;
using NewRow = sdbus::Struct<std::string, std::string, sdbus::ObjectPath>;

TEST(ClientProperties, OfAFirstServiceTellLess)
{
    const auto service =
        read_service({{"Version", sdbus::Variant{std::string{"0.1.0"}}},
                      {"Problems", sdbus::Variant{std::vector<Row>{{"OldKernel", "It is old."}}}}});
    EXPECT_EQ(service.interface_version, 1U);
    ASSERT_EQ(service.problems.size(), 1U);
    EXPECT_EQ(service.problems[0].what.text, "It is old.");
    const auto guest = read_guest({{"Name", sdbus::Variant{std::string{"web1"}}},
                                   {"Policy", sdbus::Variant{std::string{"shared"}}},
                                   {"PinState", sdbus::Variant{std::string{"pinned"}}}});
    EXPECT_FALSE(guest.satisfied.has_value());
    EXPECT_FALSE(guest.own.has_value());
    EXPECT_EQ(state_of(guest).word, "floats");
    EXPECT_TRUE(is_as_asked(guest));
}

TEST(ClientProperties, OfProblemsNameTheGuest)
{
    const sdbus::ObjectPath path{"/org/virtpind1/domain/_6695eb01_f6a4_8304_79aa_97f2502e193f"};
    const auto service = read_service(
        {{"Problems",
          sdbus::Variant{std::vector<NewRow>{{"no-room", "web1: no.", path},
                                             {"host", "It is old.", sdbus::ObjectPath{"/"}}}}}});
    ASSERT_EQ(service.problems.size(), 2U);
    EXPECT_EQ(service.problems[0].guest, "6695eb01-f6a4-8304-79aa-97f2502e193f");
    EXPECT_EQ(service.problems[1].guest, "");
}

TEST(ClientProperties, TellWhatIsOfTheGuestItself)
{
    using Own = sdbus::Struct<std::string, std::string, std::map<std::string, sdbus::Variant>>;
    const std::vector<Own> rows{
        {"metadata", "a\033[31m", {{"priority", sdbus::Variant{std::int32_t{5}}}}}};
    const auto guest = read_guest({{"OwnPolicies", sdbus::Variant{rows}}});
    ASSERT_TRUE(guest.own.has_value());
    EXPECT_EQ(*guest.own, (std::vector{OwnPolicy{"metadata", "a\\x1b[31m", {{"priority", "5"}}}}));
}

TEST(ClientProperties, AreHostile)
{
    const auto guest = read_guest({{"Name", sdbus::Variant{std::string{"a\033[31m"}}},
                                   {"UUID", sdbus::Variant{std::uint32_t{7}}},
                                   {"EmulatorCPUs", sdbus::Variant{std::string{"many"}}}});
    EXPECT_EQ(guest.name, "a\\x1b[31m");
    EXPECT_EQ(guest.uuid, "") << "a property of another type is not there";
    EXPECT_TRUE(guest.emulator.empty());
}

TEST(CallErrors, HaveTheCodeThatScriptsSee)
{
    const auto code_of = [](const char* name) { return call_error(name, "why", {}).code; };
    EXPECT_EQ(code_of("org.virtpind1.Error.NoSuchDomain"), Errc::not_found);
    EXPECT_EQ(code_of("org.freedesktop.DBus.Error.AccessDenied"), Errc::permission_denied);
    EXPECT_EQ(code_of("org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"),
              Errc::permission_denied);
    EXPECT_EQ(code_of("org.freedesktop.DBus.Error.ServiceUnknown"), Errc::host_unavailable);
    EXPECT_EQ(code_of("org.freedesktop.DBus.Error.Spawn.ExecFailed"), Errc::host_unavailable);
    EXPECT_EQ(code_of("org.freedesktop.DBus.Error.UnknownMethod"), Errc::unsupported);
    EXPECT_EQ(code_of("org.freedesktop.DBus.Error.NoReply"), Errc::timed_out);
    EXPECT_EQ(code_of("System.Error.ECONNRESET"), Errc::host_unavailable);
    EXPECT_EQ(code_of("com.example.Other"), Errc::internal);
}

TEST(CallErrors, NameTheHostAndThePrintableWhy)
{
    const Target ada{Target::Kind::host, "ada"};
    const auto text = call_error("org.virtpind1.Error.ApplyFailed", "bad\033[2J", ada).message;
    EXPECT_EQ(text, "ada: bad\\x1b[2J");
    EXPECT_NE(call_error("System.Error.ENOTCONN", "gone", ada).message.find("does ssh ada work?"),
              std::string::npos);
}

} // namespace
} // namespace virtpind::client
