// SPDX-License-Identifier: LGPL-2.1-or-later
#include "clients/view/resolve.hpp"
#include "tests/support/client_samples.hpp"

#include <gtest/gtest.h>

namespace virtpind::client {
namespace {

std::string found(std::string_view text, std::vector<Guest> guests = sample_snapshot().guests)
{
    const auto guest = resolve_guest(guests, text);
    return guest ? (*guest)->name : "";
}

Error refusal(std::string_view text)
{
    const auto guests = sample_snapshot().guests;
    const auto guest = resolve_guest(guests, text);
    EXPECT_FALSE(guest);
    return guest ? Error{} : guest.error();
}

TEST(ResolveGuest, TakesNamesUuidsAndTheirBeginnings)
{
    EXPECT_EQ(found("win11"), "win11");
    EXPECT_EQ(found("w"), "win11");
    EXPECT_EQ(found(sample_uuid(2)), "gpu-lab");
    EXPECT_EQ(found("22222222-2222-3333-4444-555555555555"), "gpu-lab");
    EXPECT_EQ(found("2222"), "gpu-lab");
}

TEST(ResolveGuest, PrefersAWholeNameToABeginning)
{
    auto guests = sample_snapshot().guests;
    guests[0].name = "win11-copy";
    EXPECT_EQ(found("win11", guests), "win11");
}

TEST(ResolveGuest, WantsAllOfANameWhereSomethingIsChanged)
{
    auto guests = sample_snapshot().guests;
    EXPECT_TRUE(resolve_guest(guests, "win11", Naming::whole));
    EXPECT_TRUE(resolve_guest(guests, sample_uuid(2), Naming::whole));
    for (const auto* beginning : {"win1", "2222"}) {
        const auto guest = resolve_guest(guests, beginning, Naming::whole);
        ASSERT_FALSE(guest) << beginning;
        EXPECT_EQ(guest.error().code, Errc::not_found);
        EXPECT_NE(guest.error().message.find("it is the beginning of"), std::string::npos);
    }
}

TEST(ResolveGuest, PrefersAUuidToAName)
{
    auto guests = sample_snapshot().guests;
    guests[0].name = sample_uuid(5);
    EXPECT_EQ(found(sample_uuid(5), guests), "win11") << "a name is its owner's choice";
}

TEST(ResolveGuest, NamesAllThatABeginningFits)
{
    auto guests = sample_snapshot().guests;
    guests[0].name = "win10";
    const auto guest = resolve_guest(guests, "win");
    ASSERT_FALSE(guest);
    EXPECT_EQ(guest.error().code, Errc::ambiguous);
    EXPECT_NE(guest.error().message.find("'win10', 'win11'"), std::string::npos)
        << guest.error().message;
}

TEST(ResolveGuest, SuggestsTheNearestName)
{
    const auto error = refusal("win12");
    EXPECT_EQ(error.code, Errc::not_found);
    EXPECT_NE(error.message.find("did you mean 'win11'?"), std::string::npos) << error.message;
    EXPECT_EQ(refusal("nothing-like-it").message.find("did you mean"), std::string::npos);
}

TEST(ResolveGuest, DoesNotTakeTheEmptyTextForABeginning)
{
    EXPECT_EQ(refusal("").code, Errc::not_found);
}

TEST(ResolveGuest, TakesANameAsItIsAndAsItIsShown)
{
    auto guests = sample_snapshot().guests;
    guests[0].name = "a\\x09b"; // printable, as clients/bus makes it
    EXPECT_EQ(found("a\tb", guests), "a\\x09b");
    EXPECT_EQ(found("a\\x09b", guests), "a\\x09b");
}

} // namespace
} // namespace virtpind::client
