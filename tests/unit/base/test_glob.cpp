// SPDX-License-Identifier: LGPL-2.1-or-later
// Patterns of names: what they match, which is the more specific, and which are ambiguous.
#include "common/base/glob.hpp"

#include <gtest/gtest.h>

#include <string>

namespace virtpind {
namespace {

Glob glob(std::string_view pattern)
{
    auto parsed = Glob::parse(pattern);
    EXPECT_TRUE(parsed) << pattern;
    return std::move(*parsed);
}

TEST(Glob, MatchesWholeNames)
{
    struct Case {
        std::string_view pattern;
        std::string_view name;
        bool matches;
    };

    for (const auto& [pattern, name, matches] : {
             Case{"web-*", "web-", true},
             {"web-*", "web-1", true},
             {"web-*", "web", false},
             {"web-*", "my-web-1", false},
             {"*", "", true},
             {"*", "anything", true},
             {"**a**", "banana", true},
             {"*a*b*c", "xaybzc", true},
             {"*a*b*c", "xaybzcd", false},
             {"?", "x", true},
             {"?", "", false},
             {"?", "xy", false},
             {"?", "\u00fc", true},
             {"??", "\u00fc", false},
             {"?", "\xff", true},
             {"web[0-9]", "web7", true},
             {"web[0-9]", "webx", false},
             {"web[!0-9]", "webx", true},
             {"web[^0-9]", "web1", false},
             {"[]]", "]", true},
             {"[]-]", "-", true},
             {"[a-]", "-", true},
             {"[\\]x]", "x", true},
             {"[\u00e4-\u00fc]", "\u00f6", true},
             {"a\\*b", "a*b", true},
             {"a\\*b", "axb", false},
             {"[!a-z]", "\U0001f600", true},
             {"a[*]", "a*", true},
             {"a[*]", "ab", false},
         }) {
        EXPECT_EQ(glob(pattern).matches(name), matches) << pattern << " " << name;
    }
}

TEST(Glob, WhatIsNoPatternIsRefused)
{
    for (const auto& [pattern, says] : std::vector<std::pair<std::string, std::string>>{
             {"web[0-9", "'[' has no ']'"},
             {"[", "'[' has no ']'"},
             {"[]", "'[' has no ']'"},
             {"[!]", "'[' has no ']'"},
             {"[a-", "'[' has no ']'"},
             {"[z-a]", "runs backwards"},
             {"*\\", "ends with"},
             {std::string(200, '*') + std::string(200, 'a'), "more than 128"},
         }) {
        const auto parsed = Glob::parse(pattern);
        ASSERT_FALSE(parsed) << pattern;
        EXPECT_NE(parsed.error().message.find(says), std::string::npos) << parsed.error().message;
    }
}

TEST(Glob, MatchingIsBounded)
{
    std::string pattern;
    for (auto i = 0; i < 60; ++i) {
        pattern += "*a";
    }
    EXPECT_FALSE(glob(pattern + "b").matches(std::string(100'000, 'a')));
}

TEST(Glob, MoreLiteralCharactersAreMoreSpecificThenSetsThenSingleOnes)
{
    const std::vector<std::string> ascending{"*",  "?",     "[ab]", "w*",
                                             "w?", "w[12]", "web*", "web-*-db"};
    for (std::size_t i = 1; i < ascending.size(); ++i) {
        EXPECT_LT(glob(ascending[i - 1]).specificity(), glob(ascending[i]).specificity())
            << ascending[i];
    }
    EXPECT_EQ(glob("\\*a*").specificity(), glob("ab*").specificity());
}

TEST(Glob, OverlapIsThatSomeNameMatchesBoth)
{
    struct Case {
        std::string_view a;
        std::string_view b;
        bool overlap;
    };

    for (const auto& [a, b, overlap] : {
             Case{"web-*", "*-db", true},
             {"web-*", "db-*", false},
             {"a*", "*", true},
             {"[a-f]x", "[f-z]x", true},
             {"[a-e]x", "[f-z]x", false},
             {"[!a]", "a", false},
             {"?", "??", false},
             {"?*", "??", true},
             {"a*c", "ab*d", false},
             {"a*c", "*bc", true},
             {"*a", "*b", false},
             {"*a*", "*b*", true},
             {"", "*", true},
             {"", "?", false},
             {"a", "a", true},
         }) {
        EXPECT_EQ(glob(a).overlaps(glob(b)), overlap) << a << " " << b;
        EXPECT_EQ(glob(b).overlaps(glob(a)), overlap) << b << " " << a;
    }
}

// Brute force over all short names of two letters.
TEST(Glob, OverlapIsThatOfAllShortNames)
{
    const std::vector<std::string> pieces{"a", "b", "*", "?", "[!a]"};
    std::vector<std::string> patterns{""};
    for (std::size_t i = 0, end = 1; i < 3; ++i) {
        const auto begin = patterns.size() - end;
        const auto last = patterns.size();
        for (auto at = begin; at < last; ++at) {
            for (const auto& piece : pieces) {
                patterns.push_back(patterns[at] + piece);
            }
        }
        end = patterns.size() - last;
    }
    std::vector<std::string> names{""};
    for (std::size_t at = 0; names.size() < 127; ++at) {
        names.push_back(names[at] + "a");
        names.push_back(names[at] + "b");
    }
    for (const auto& a : patterns) {
        for (const auto& b : patterns) {
            auto both = false;
            for (const auto& name : names) {
                both = both || (glob(a).matches(name) && glob(b).matches(name));
            }
            ASSERT_EQ(glob(a).overlaps(glob(b)), both) << a << " " << b;
        }
    }
}

} // namespace
} // namespace virtpind
