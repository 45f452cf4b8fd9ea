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

// Ids from 512 on are kept elsewhere than the others.
TEST(CpuSet, LargeIdsAreLikeSmallOnes)
{
    const auto a = cpus("3,511-513,700");
    const auto b = cpus("511,513,9000");
    EXPECT_EQ((a | b).str(), "3,511-513,700,9000");
    EXPECT_EQ((b | a), (a | b));
    EXPECT_EQ((a & b).str(), "511,513");
    EXPECT_EQ((b & a), (a & b));
    EXPECT_EQ((a - b).str(), "3,512,700");
    EXPECT_EQ((b - a).str(), "9000");
    EXPECT_EQ((a - cpus("512-700")).str(), "3,511");
    EXPECT_EQ((cpus("511,9000") & cpus("511")), cpus("511"));
    EXPECT_TRUE(a.intersects(b));
    EXPECT_TRUE(cpus("1,600").intersects(cpus("2,600")));
    EXPECT_FALSE(cpus("1,600").intersects(cpus("2,601")));
    EXPECT_FALSE(cpus("1,600").intersects(cpus("2")));
    EXPECT_TRUE(a.includes(cpus("513,700")));
    EXPECT_TRUE(a.includes(cpus("3")));
    EXPECT_FALSE(a.includes(cpus("3,514")));
    EXPECT_FALSE(cpus("3").includes(a));
    EXPECT_EQ(a.common(b), 2U);
    EXPECT_EQ(a.common(cpus("3,700")), 2U);
    EXPECT_EQ(a.size(), 5U);
    EXPECT_TRUE(a.contains(CpuId{700}));
    EXPECT_FALSE(a.contains(CpuId{16383}));
    EXPECT_EQ(raw(cpus("700,9000").front()), 700U);
    EXPECT_EQ(raw(b.back()), 9000U);
    EXPECT_EQ(raw(cpus("3,64").back()), 64U);
    EXPECT_EQ(raw(cpus("0").back()), 0U);
    auto shrunk = a;
    for (const auto id : {700U, 513U, 512U, 5000U}) {
        shrunk.erase(CpuId{id});
    }
    EXPECT_EQ(shrunk, cpus("3,511"));
    EXPECT_TRUE((cpus("600") - cpus("600")).empty());
    EXPECT_FALSE(cpus("600").empty());
}

TEST(CpuSet, IteratesInOrder)
{
    std::vector<unsigned> seen;
    for (const auto cpu : cpus("64,0,127-128,511-512,16383")) {
        seen.push_back(raw(cpu));
    }
    EXPECT_EQ(seen, (std::vector<unsigned>{0, 64, 127, 128, 511, 512, 16383}));
}

} // namespace
} // namespace virtpind
