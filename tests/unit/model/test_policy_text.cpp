// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/model/policy_text.hpp"

#include <gtest/gtest.h>

namespace virtpind {
namespace {

using namespace std::string_literals;

TEST(PolicyText, HasAPolicyOptionsOrBothInAnyOrder)
{
    const auto both = parse_policy_text("  smt=require\tdedicated  vcpus=4 ");
    ASSERT_TRUE(both) << both.error().message;
    EXPECT_EQ(both->policy, "dedicated");
    EXPECT_EQ(both->options, (OptionMap{{"smt", "require"s}, {"vcpus", 4U}}));

    const auto policy = parse_policy_text("gaming");
    ASSERT_TRUE(policy);
    EXPECT_EQ(policy->policy, "gaming");
    EXPECT_TRUE(policy->options.empty());

    const auto options =
        parse_policy_text("tune=invtsc,topoext isolate=true priority=-3 cpus=4,1-2");
    ASSERT_TRUE(options) << options.error().message;
    EXPECT_EQ(options->policy, "");
    EXPECT_EQ(options->options, (OptionMap{{"tune", std::vector<std::string>{"topoext", "invtsc"}},
                                           {"isolate", true},
                                           {"priority", -3},
                                           {"cpus", "1-2,4"s}}));
}

TEST(PolicyText, EmptyValueTakesTheOptionAwayWhateverItsType)
{
    const auto parsed = parse_policy_text("smt= vcpus= tune= isolate= cpus=");
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(parsed->options.size(), 5U);
    for (const auto& [name, value] : parsed->options) {
        EXPECT_EQ(value, OptionValue{""s}) << name;
    }
}

TEST(PolicyText, MistakeIsNamedWithWhatIsValid)
{
    const std::pair<const char*, std::vector<const char*>> cases[]{
        {"", {"no policy and no option", "\"dedicated smt=require\"", "smt", "fallback"}},
        {" \t", {"no policy and no option"}},
        {"smtt=require", {"unknown option 'smtt'", "did you mean 'smt'", "fallback"}},
        {"smt=requir", {"option 'smt'", "did you mean 'require'", "isolate"}},
        {"dedicated smt", {"'smt' has no value", "write smt=VALUE", "isolate"}},
        {"vcpus", {"'vcpus' has no value", "write vcpus=VALUE"}},
        {"dedicated shared", {"'dedicated' and 'shared' are two policies", "NAME=VALUE"}},
        {"smt=prefer smt=require", {"option 'smt' is there twice"}},
        {"smt= smt=require", {"option 'smt' is there twice"}},
        {"vcpus=many", {"option 'vcpus'", "'many'", "0 to 16384"}},
        {"vcpus=17000", {"option 'vcpus'", "17000", "0 to 16384"}},
        {"priority=3000000000", {"option 'priority'", "out of range", "2147483647"}},
        {"isolate=1", {"option 'isolate'", "valid: false, true, auto"}},
        {"cpus=a-b", {"option 'cpus'", "0-3,8"}},
        {"tune=invtsc,", {"option 'tune'", "topoext"}},
        {"=x", {"unknown option ''"}},
    };
    for (const auto& [text, wanted] : cases) {
        const auto parsed = parse_policy_text(text);
        ASSERT_FALSE(parsed) << text;
        EXPECT_EQ(parsed.error().code, Errc::invalid_policy) << text;
        for (const auto* part : wanted) {
            EXPECT_NE(parsed.error().message.find(part), std::string::npos)
                << text << ": " << parsed.error().message;
        }
    }
}

} // namespace
} // namespace virtpind
