// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/base/cpu_set.hpp"

#include <gtest/gtest.h>

namespace virtpind {
namespace {

CpuSet cpus(std::string_view text)
{
    auto parsed = CpuSet::parse(text);
    EXPECT_TRUE(parsed) << text;
    return parsed ? *parsed : CpuSet{};
}

TEST(CpuSet, ListSyntaxRoundTrips)
{
    for (const auto* text : {"", "0", "0-3,8", "63-64", "0,2,4,6", "16383"}) {
        EXPECT_EQ(cpus(text).str(), text);
    }
    EXPECT_EQ(cpus(" 8 , 0-3 ").str(), "0-3,8");
    EXPECT_EQ(cpus("0-7,^2").str(), "0-1,3-7");
    EXPECT_EQ(cpus("^2,0-3").str(), "0-1,3");
    EXPECT_EQ(cpus("3,1,2,2").str(), "1-3");
}

TEST(CpuSet, BadListNamesTheInputAndTheWayOut)
{
    for (const auto* text :
         {"a", "1-", "-1", "1,,2", "3-1", "1;2", "16384", "99999999999", "0x3", "1-2-3"}) {
        const auto parsed = CpuSet::parse(text);
        ASSERT_FALSE(parsed) << text;
        EXPECT_EQ(parsed.error().code, Errc::invalid_argument);
        EXPECT_NE(parsed.error().message.find(text), std::string::npos) << parsed.error().message;
        EXPECT_NE(parsed.error().message.find("0-3,8"), std::string::npos);
    }
    EXPECT_LT(CpuSet::parse(std::string(100'000, '9')).error().message.size(), 400U);
}

TEST(CpuSet, Algebra)
{
    const auto a = cpus("0-3,100");
    const auto b = cpus("2-5");
    EXPECT_EQ((a | b).str(), "0-5,100");
    EXPECT_EQ((a & b).str(), "2-3");
    EXPECT_EQ((a - b).str(), "0-1,100");
    EXPECT_TRUE(a.intersects(b));
    EXPECT_FALSE(a.includes(b));
    EXPECT_TRUE(a.includes(cpus("100")));
    EXPECT_EQ(a.common(b), 2U);
    EXPECT_EQ(a.size(), 5U);
    EXPECT_EQ(raw(a.front()), 0U);
    EXPECT_EQ(raw(a.back()), 100U);
}

TEST(CpuSet, EqualityIsOfMembersNotOfHistory)
{
    auto grown = cpus("1,200");
    grown.erase(CpuId{200});
    EXPECT_EQ(grown, cpus("1"));
    EXPECT_EQ(cpus("1,200") & cpus("1"), cpus("1"));
    EXPECT_TRUE((cpus("200") - cpus("200")).empty());
}

TEST(CpuSet, IteratesInOrder)
{
    std::vector<unsigned> seen;
    for (const auto cpu : cpus("64,0,127-128")) {
        seen.push_back(raw(cpu));
    }
    EXPECT_EQ(seen, (std::vector<unsigned>{0, 64, 127, 128}));
}

} // namespace
} // namespace virtpind
