// SPDX-License-Identifier: LGPL-2.1-or-later
#include "clients/ctl/arguments.hpp"

#include <gtest/gtest.h>

namespace virtpind::client {
namespace {

Arguments parsed(const std::vector<std::string>& words)
{
    const auto result = parse_arguments(words);
    EXPECT_TRUE(result) << (result ? "" : result.error().message);
    const auto* arguments = result ? std::get_if<Arguments>(&*result) : nullptr;
    return arguments != nullptr ? *arguments : Arguments{};
}

std::string refusal(const std::vector<std::string>& words)
{
    const auto result = parse_arguments(words);
    EXPECT_FALSE(result);
    if (result) {
        return "";
    }
    EXPECT_EQ(result.error().code, Errc::invalid_argument);
    return result.error().message;
}

using Texts = std::vector<std::string>;

TEST(Arguments, WithoutAnyShowTheStatus)
{
    const auto arguments = parsed({});
    EXPECT_EQ(arguments.verb, Verb::status);
    ASSERT_EQ(arguments.targets.size(), 1U);
    EXPECT_EQ(arguments.targets.front().kind, Target::Kind::system);
    EXPECT_TRUE(arguments.ask_password);
}

TEST(Arguments, OfSetAreAGuestAndWords)
{
    const auto arguments = parsed({"set", "win11", "dedicated", "smt=require"});
    EXPECT_EQ(arguments.verb, Verb::set);
    EXPECT_EQ(arguments.guests, Texts{"win11"});
    EXPECT_EQ(arguments.words, (Texts{"dedicated", "smt=require"}));
    EXPECT_NE(refusal({"set"}).find("name a guest"), std::string::npos);
    EXPECT_NE(refusal({"set", "win11"}).find("say what 'win11' is to have"), std::string::npos);
    EXPECT_TRUE(parsed({"set", "win11", "--clear"}).clear);
}

TEST(Arguments, OfPlanOfAFileMayLeaveThePolicyToIt)
{
    EXPECT_TRUE(parsed({"plan", "--xml", "-"}).words.empty());
    EXPECT_EQ(parsed({"plan", "--xml", "-", "shared", "cpus=1"}).words.size(), 2U);
    EXPECT_NE(refusal({"plan", "--xml", "-", "cpus=1"}).find("dedicated cpus=1"),
              std::string::npos);
    EXPECT_NE(refusal({"plan", "--xml", "-", "--clear"}).find("--clear"), std::string::npos);
    EXPECT_TRUE(parsed({"plan", "win11", "--clear"}).clear);
}

TEST(Arguments, OfAllVerbsMayStandOnEitherSideOfThem)
{
    EXPECT_EQ(parsed({"--json=pretty", "list"}).json, JsonMode::pretty);
    EXPECT_EQ(parsed({"list", "--json=short"}).json, JsonMode::line);
    EXPECT_TRUE(parsed({"list", "-q"}).quiet);
    EXPECT_FALSE(parsed({"--no-legend", "list"}).legend);
}

TEST(Arguments, BehindADoubleDashAreACommand)
{
    const auto arguments = parsed({"hold", "win11", "--", "sleep", "--help"});
    EXPECT_EQ(arguments.guests, Texts{"win11"});
    EXPECT_EQ(arguments.command, (Texts{"sleep", "--help"}));
    EXPECT_NE(refusal({"status", "--", "x"}).find("status takes no arguments"), std::string::npos);
}

TEST(Arguments, SuggestTheVerbThatIsMeant)
{
    EXPECT_NE(refusal({"statsu"}).find("unknown verb 'statsu'; did you mean 'status'?"),
              std::string::npos);
    EXPECT_NE(refusal({"win11", "explain"}).find("the verb comes first: virtpinctl explain win11"),
              std::string::npos);
    EXPECT_NE(refusal({"-H", "ada", "win11"}).find("unknown verb 'win11'"), std::string::npos);
    EXPECT_EQ(refusal({"nothing"}).find("complete"), std::string::npos) << "that one is for shells";
}

TEST(Arguments, NameTheOptionThatIsUnknown)
{
    EXPECT_NE(
        refusal({"list", "--colour"}).find("unknown option '--colour'; see virtpinctl list --help"),
        std::string::npos);
    EXPECT_NE(refusal({"--json=xml"}).find("short"), std::string::npos);
}

TEST(Arguments, NameServicesOfOtherHosts)
{
    const auto arguments = parsed({"-H", "ada", "-H", "root@bob", "status"});
    ASSERT_EQ(arguments.targets.size(), 2U);
    EXPECT_EQ(arguments.targets[1].name, "root@bob");
    EXPECT_NE(refusal({"-H", "a", "-H", "b", "reload"}).find("only status and list"),
              std::string::npos);
    EXPECT_NE(refusal({"-H", "-oProxyCommand=x", "status"}).find("-H"), std::string::npos)
        << "ssh would take it for an option";
    EXPECT_NE(refusal({"-H", "a", "-M", "b"}).find("exclude"), std::string::npos);
}

TEST(Arguments, OfResetAreGuestsOrAll)
{
    EXPECT_TRUE(parsed({"reset", "--all", "--yes"}).all);
    EXPECT_EQ(parsed({"undo", "win11"}).verb, Verb::reset);
    EXPECT_NE(refusal({"reset"}).find("--all"), std::string::npos);
    EXPECT_NE(refusal({"reset", "--all", "win11"}).find("exclude"), std::string::npos);
}

TEST(Arguments, BehindADoubleDashMayBeGuestsThatBeginWithADash)
{
    EXPECT_EQ(parsed({"explain", "--", "-rf"}).guests, Texts{"-rf"});
    const auto arguments = parsed({"set", "--clear", "--", "--all", "dedicated"});
    EXPECT_EQ(arguments.guests, Texts{"--all"});
    EXPECT_EQ(arguments.words, Texts{"dedicated"});
    EXPECT_NE(refusal({"list", "--", "x"}).find("list takes no arguments"), std::string::npos);
    EXPECT_NE(refusal({"explain"}).find("name a guest"), std::string::npos);
    EXPECT_NE(refusal({"hold", "--", "sleep"}).find("name a guest"), std::string::npos);
}

TEST(Arguments, ThatContradictEachOtherAreRefused)
{
    EXPECT_NE(refusal({"set", "win11", "dedicated", "--runtime", "--defer"}).find("exclude"),
              std::string::npos);
    EXPECT_NE(refusal({"doctor", "win11", "build"}).find("one guest"), std::string::npos);
}

TEST(Arguments, AskForJsonOnlyWhereThereIsSome)
{
    for (const auto* verb : {"reload", "watch", "top", "export", "log", "metrics"}) {
        EXPECT_NE(refusal({verb, "--json=short"}).find("has no --json"), std::string::npos) << verb;
    }
    for (const auto* verb : {"status", "list", "map", "policies", "doctor", "apply"}) {
        EXPECT_EQ(parsed({verb, "--json=short"}).json, JsonMode::line) << verb;
    }
}

TEST(Arguments, OfDoctorMayNameWhatToMend)
{
    const auto arguments = parsed({"doctor", "win11", "--fix", "pin.cross-llc", "--yes"});
    EXPECT_EQ(arguments.fix, "pin.cross-llc");
    EXPECT_TRUE(arguments.yes);
}

} // namespace
} // namespace virtpind::client
