// SPDX-License-Identifier: LGPL-2.1-or-later
#include "clients/ctl/policy_words.hpp"
#include "tests/support/client_samples.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace virtpind::client {
namespace {

using Texts = std::vector<std::string>;

Result<PolicyChange> parsed(const Texts& words)
{
    return parse_policy_words(words, {"none", "shared", "dedicated"});
}

std::string refusal(const Texts& words)
{
    const auto change = parsed(words);
    EXPECT_FALSE(change);
    return change ? "" : change.error().message;
}

TEST(PolicyWords, AreAPolicyAndOptions)
{
    const auto change = parsed({"dedicated", "smt=require", "priority=5", "cpus="});
    ASSERT_TRUE(change);
    EXPECT_EQ(change->policy, "dedicated");
    EXPECT_EQ(change->options.size(), 3U);
    EXPECT_EQ(change_text(*change), "dedicated cpus= priority=5 smt=require");
}

TEST(PolicyWords, KeepThePolicyWhereNoneIsNamed)
{
    const auto change = parsed({"smt=require"});
    ASSERT_TRUE(change);
    EXPECT_TRUE(change->policy.empty());
}

TEST(PolicyWords, AreRefusedWithTheNearestWord)
{
    EXPECT_NE(refusal({"dedicatd"}).find("did you mean 'dedicated'?"), std::string::npos);
    EXPECT_NE(refusal({"smtt=require"}).find("did you mean 'smt'?"), std::string::npos);
    EXPECT_NE(refusal({"smt=requir"}).find("did you mean 'require'?"), std::string::npos);
    EXPECT_NE(refusal({"smt"}).find("smt=VALUE"), std::string::npos);
    EXPECT_NE(refusal({"shared", "dedicated"}).find("two policies"), std::string::npos);
    EXPECT_NE(refusal({"smt=auto", "smt="}).find("twice"), std::string::npos);
}

// dedicated, from the configuration as far as the guest itself has no other.
Guest configured(std::vector<OwnPolicy> own)
{
    auto guest = sample_snapshot().guests[4]; // win11
    guest.policy_source = "config";
    guest.options = {{"priority", "3"}};
    for (const auto& layer : own) {
        guest.policy_source = layer.policy.empty() ? guest.policy_source : layer.source;
        guest.options.insert(layer.options.begin(), layer.options.end());
    }
    guest.own = std::move(own);
    return guest;
}

OwnPolicy stored(std::string policy, std::map<std::string, std::string> options)
{
    return {"metadata", std::move(policy), std::move(options)};
}

PolicyChange clearing(const Texts& words)
{
    auto change = *parsed(words);
    change.clear = true;
    return change;
}

std::string merged(const Guest& guest, const PolicyChange& change)
{
    const auto whole = completed(guest, change);
    EXPECT_TRUE(whole) << (whole ? "" : whole.error().message);
    return whole ? merged_text(guest, *whole) : "";
}

TEST(PolicyWords, MergeWithWhatIsStored)
{
    auto guest = sample_snapshot().guests[4]; // dedicated cpus=8-15,24-31 smt=require
    for (const auto tells : {false, true}) {
        if (tells) {
            guest.own.emplace().push_back(stored("dedicated", guest.options));
        }
        EXPECT_EQ(merged(guest, *parsed({"smt="})), "dedicated cpus=8-15,24-31");
        EXPECT_EQ(merged(guest, clearing({"shared"})), "shared");
        EXPECT_EQ(merged(guest, *parsed({"none"})), "none");
        EXPECT_EQ(merged(guest, clearing({})), "dedicated");
        EXPECT_EQ(merged(guest, clearing({"smt=isolate"})), "dedicated smt=isolate");
    }
}

TEST(PolicyWords, DoNotStoreWhatTheConfigurationSets)
{
    EXPECT_EQ(merged(configured({}), *parsed({"smt=require"})), "dedicated smt=require");
    const auto guest = configured({stored("", {{"priority", "5"}})});
    EXPECT_EQ(merged(guest, *parsed({"cpus=1-13"})), "dedicated cpus=1-13 priority=5")
        << "an option may be stored beside the policy of the configuration";
}

TEST(PolicyWords, ClearAloneTakesAwayWhatIsStored)
{
    const auto guest = configured({stored("", {{"priority", "5"}, {"cpus", "1-13"}})});
    const auto change = completed(guest, clearing({"cpus=2"}));
    ASSERT_TRUE(change);
    EXPECT_FALSE(change->clear) << "the policy of the configuration is not to be stored";
    EXPECT_EQ(change_text(*change), "cpus=2 priority=");
    const auto none = completed(configured({}), clearing({}));
    ASSERT_FALSE(none);
    EXPECT_NE(none.error().message.find("nothing is set for 'win11' itself"), std::string::npos);
    auto of_this_run = clearing({});
    of_this_run.runtime_only = true;
    EXPECT_FALSE(completed(guest, of_this_run));
}

TEST(PolicyWords, OfAPolicyThatCannotBeReadKeepNothing)
{
    const auto guest = configured({OwnPolicy{"unreadable", "", {}}});
    for (const auto& [change, offered] :
         std::vector<std::pair<PolicyChange, std::string>>{{*parsed({"shared"}), "shared"},
                                                           {clearing({}), "POLICY"},
                                                           {*parsed({"smt="}), "POLICY"}}) {
        const auto refused = completed(guest, change);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, Errc::invalid_policy);
        for (const auto& step : {"virtpinctl set win11 " + offered + " --clear",
                                 std::string{"virtpinctl reset win11"}}) {
            EXPECT_NE(refused.error().message.find(step), std::string::npos)
                << refused.error().message;
        }
    }
    EXPECT_TRUE(completed(guest, clearing({"shared"})));
}

TEST(PolicyWords, KeepWhatWasSetForTheGuestItselfOnly)
{
    const auto before = configured({stored("dedicated", {{"smt", "require"}})});
    EXPECT_TRUE(keeps_options(before, *parsed({"priority=5"}), before));
    EXPECT_FALSE(keeps_options(before, *parsed({"smt=auto"}), before));
    EXPECT_FALSE(keeps_options(before, clearing({"dedicated"}), before));
    EXPECT_FALSE(keeps_options(before, *parsed({"none"}), configured({stored("none", {})})));
    const auto of_the_configuration = configured({});
    EXPECT_FALSE(keeps_options(of_the_configuration, *parsed({"dedicated"}),
                               configured({stored("dedicated", {})})));
}

TEST(PolicyWords, UndoGivesBackWhatWasThere)
{
    EXPECT_EQ(undo_command(configured({})), "virtpinctl reset win11");
    EXPECT_EQ(undo_command(configured({stored("dedicated", {{"smt", "require"}})})),
              "virtpinctl set win11 dedicated smt=require --clear");
    EXPECT_EQ(undo_command(configured({stored("", {{"priority", "5"}})})),
              "virtpinctl reset win11 && virtpinctl set win11 priority=5");
    EXPECT_EQ(undo_command(configured({OwnPolicy{"bus", "shared", {}}})),
              "virtpinctl reset win11 && virtpinctl set win11 shared --clear --runtime");
}

} // namespace
} // namespace virtpind::client
