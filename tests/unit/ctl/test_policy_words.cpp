// SPDX-License-Identifier: LGPL-2.1-or-later
#include "clients/ctl/policy_words.hpp"
#include "tests/support/client_samples.hpp"

#include <gtest/gtest.h>

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

TEST(PolicyWords, MergeWithWhatIsStored)
{
    const auto guest = sample_snapshot().guests[4]; // dedicated cpus=8-15,24-31 smt=require
    const auto both = merged(guest, *parsed({"smt="}));
    ASSERT_TRUE(both);
    EXPECT_EQ(change_text(*both), "dedicated cpus=8-15,24-31");
    auto clearing = *parsed({"shared"});
    clearing.clear = true;
    EXPECT_EQ(change_text(*merged(guest, clearing)), "shared");
    EXPECT_EQ(change_text(*merged(guest, *parsed({"none"}))), "none");
}

TEST(PolicyWords, DoNotStoreWhatTheConfigurationSets)
{
    auto guest = sample_snapshot().guests[4];
    guest.policy_source = "config";
    EXPECT_EQ(change_text(*merged(guest, *parsed({"priority=5"}))), "dedicated priority=5");
}

} // namespace
} // namespace virtpind::client
