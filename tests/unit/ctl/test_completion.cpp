// SPDX-License-Identifier: LGPL-2.1-or-later
#include "clients/ctl/completion.hpp"
#include "tests/support/client_samples.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace virtpind::client {
namespace {

using Texts = std::vector<std::string>;

Texts offered(const Texts& words)
{
    Texts texts;
    for (const auto& candidate : complete(words, sample_snapshot())) {
        texts.push_back(candidate.text);
    }
    return texts;
}

bool offers(const Texts& words, const std::string& text)
{
    const auto texts = offered(words);
    return std::find(texts.begin(), texts.end(), text) != texts.end();
}

TEST(Completion, OffersVerbsFirst)
{
    EXPECT_EQ(offered({"exp"}), (Texts{"explain", "export"}));
    EXPECT_TRUE(offers({""}, "status"));
    EXPECT_FALSE(offers({""}, "complete"));
    EXPECT_TRUE(offers({"-q", "--json", "short", "st"}, "status"));
}

TEST(Completion, OffersGuestsWhereThereMayBeOne)
{
    EXPECT_EQ(offered({"set", "w"}), Texts{"win11"});
    EXPECT_EQ(offered({"undo", "w"}), Texts{"win11"});
    EXPECT_FALSE(offers({"show", "win11", ""}, "win11")) << "once is enough";
    EXPECT_TRUE(offers({"show", "win11", ""}, "build"));
    EXPECT_EQ(offered({"status", "w"}), Texts{});
}

TEST(Completion, OffersPoliciesAndOptionsWithTheirValues)
{
    EXPECT_TRUE(offers({"set", "win11", "de"}, "dedicated"));
    EXPECT_TRUE(offers({"plan", "win11", "dedicated", "sm"}, "smt="));
    EXPECT_EQ(offered({"set", "win11", "smt=re"}), Texts{"smt=require"});
    EXPECT_FALSE(offers({"set", "win11", "w"}, "win11"));
}

TEST(Completion, OffersOptionsOfTheVerbAndTheirValues)
{
    EXPECT_TRUE(offers({"list", "--pro"}, "--problems"));
    EXPECT_FALSE(offers({"map", "--pro"}, "--problems"));
    EXPECT_EQ(offered({"list", "--json=s"}), Texts{"--json=short"});
    EXPECT_EQ(offered({"list", "--json", "s"}), Texts{"short"});
    EXPECT_EQ(offered({"plan", "--xml", ""}), Texts{files_candidate});
}

TEST(Completion, OffersFilesForCommands)
{
    EXPECT_EQ(offered({"hold", "win11", "--", "sl"}), Texts{files_candidate});
}

TEST(Completion, OffersOptionsOfTheJournalForTheLog)
{
    EXPECT_TRUE(offers({"log", "win11", "--", ""}, "-f"));
    EXPECT_EQ(offered({"log", "win11", "--", "--si"}), Texts{"--since="});
    EXPECT_FALSE(offers({"log", "win11", "--", ""}, files_candidate));
    EXPECT_FALSE(needs_service({"log", "win11", "--", ""}));
}

TEST(Completion, OffersPoliciesWhereADefinitionStandsForTheGuest)
{
    for (const auto& words : {Texts{"plan", "--xml", "d0.xml", ""}, Texts{"plan", "--xml=-", ""}}) {
        EXPECT_TRUE(needs_service(words));
        EXPECT_TRUE(offers(words, "dedicated"));
        EXPECT_FALSE(offers(words, "win11"));
    }
    EXPECT_TRUE(offers({"plan", ""}, "win11"));
}

TEST(Completion, OffersGuestsBehindDashes)
{
    EXPECT_EQ(offered({"explain", "--", "wi"}), Texts{"win11"});
    EXPECT_TRUE(needs_service({"explain", "--", "wi"}));
    EXPECT_TRUE(offered({"list", "--", ""}).empty());
}

TEST(Completion, OffersTheUuidOfAGuestWhoseNameIsNoArgument)
{
    auto snapshot = sample_snapshot();
    snapshot.guests[0].name = "-rf";
    std::vector<std::string> texts;
    for (const auto& candidate : complete({"explain", ""}, snapshot)) {
        texts.push_back(candidate.text);
    }
    EXPECT_EQ(std::count(texts.begin(), texts.end(), snapshot.guests[0].uuid), 1);
    EXPECT_EQ(std::count(texts.begin(), texts.end(), "-rf"), 0);
}

TEST(Completion, AsksTheServiceOnlyForGuestsAndPolicies)
{
    EXPECT_TRUE(needs_service({"set", ""}));
    EXPECT_TRUE(needs_service({"set", "win11", ""}));
    EXPECT_FALSE(needs_service({"se"}));
    EXPECT_FALSE(needs_service({"set", "--cl"}));
    EXPECT_EQ(completed_target({"-H", "ada", "set", ""}).name, "ada");
    EXPECT_EQ(completed_target({"--bus=session", "set", ""}).kind, Target::Kind::session);
    EXPECT_EQ(completed_target({"set", "-H"}).kind, Target::Kind::system)
        << "its value is not written yet";
}

TEST(Completion, OffersNothingWithoutAService)
{
    EXPECT_TRUE(complete({"set", ""}, {}).empty());
}

} // namespace
} // namespace virtpind::client
