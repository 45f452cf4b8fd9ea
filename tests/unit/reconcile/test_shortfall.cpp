// SPDX-License-Identifier: LGPL-2.1-or-later
// Whether a domain gets what it asks for, and on whose CPUs it is, as the bus shows it.
#if defined(__GNUC__) && !defined(__clang__)
// g++ 14 takes what an optional variant holds for uninitialized where it inlines the copy.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "tests/support/spine.hpp"

#include <gtest/gtest.h>

namespace virtpind::test {
namespace {

using namespace std::string_literals;

class Shortfalls : public ReconcilerTest {
protected:
    const DomainView& view(int number)
    {
        const auto& views = sink_.domains;
        const auto at = std::find_if(views.begin(), views.end(), [number](const auto& shown) {
            return shown.uuid == FakeHost::uuid(number);
        });
        EXPECT_NE(at, views.end());
        return *at;
    }
};

TEST_F(Shortfalls, GuestThatLostItsCpusIsPinnedAndNotSatisfied)
{
    host_.add(1, "win11", 14, 1);
    host_.add(2, "build", 2, 2);
    connect();
    EXPECT_EQ(view(1).placement, "all");
    ASSERT_TRUE(set_policy(1, "dedicated"));
    EXPECT_TRUE(view(1).satisfied);
    EXPECT_EQ(view(1).shortfall, (std::pair{""s, ""s}));
    EXPECT_EQ(view(1).placement, "own");

    ASSERT_TRUE(set_policy(2, "dedicated", {{"priority", 9}}));
    EXPECT_EQ(view(1).pin_state, PinState::pinned) << "somewhere";
    EXPECT_FALSE(view(1).satisfied);
    EXPECT_EQ(view(1).shortfall.first, "no-room");
    EXPECT_FALSE(view(1).shortfall.second.empty());
    EXPECT_EQ(view(1).placement, "pool");
    EXPECT_EQ(view(2).placement, "own");
    ASSERT_EQ(sink_.manager.problems.size(), 1U);
    EXPECT_EQ(sink_.manager.problems[0].domain, FakeHost::uuid(1));

    FakeHost::stop(domain(1));
    changed(1, "stopped");
    EXPECT_EQ(view(1).placement, "none");
    EXPECT_TRUE(view(1).satisfied) << "what is missing may be there when it starts";
}

TEST_F(Shortfalls, EmptyPoolLeavesHousekeepingToSharedDomains)
{
    host_.add(1, "win11", 14, 1);
    host_.add(2, "build", 2, 2);
    connect();
    ASSERT_TRUE(set_policy(2, "shared"));
    EXPECT_EQ(view(2).placement, "pool");
    EXPECT_TRUE(view(2).satisfied);
    ASSERT_TRUE(set_policy(1, "dedicated"));
    EXPECT_EQ(view(2).placement, "housekeeping");
    EXPECT_FALSE(view(2).satisfied);
    EXPECT_EQ(view(2).shortfall.first, "no-pool");
}

TEST_F(Shortfalls, WithoutHousekeepingTheyAreOnClaimsOfOthers)
{
    auto config = config_with_default("none");
    config.housekeeping = CpuSet{};
    reconciler_.on_config(config);
    auto topology = sixteen_cpus();
    topology.isolated = CpuSet{CpuId{15}}; // where nobody floats beside others
    reconciler_.on_topology(std::make_shared<Topology>(topology));
    host_.add(1, "win11", 16, 1);
    host_.add(2, "build", 2, 2);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    ASSERT_TRUE(set_policy(2, "shared"));
    EXPECT_EQ(view(2).placement, "claimed");
    EXPECT_FALSE(view(2).satisfied);
}

TEST_F(Shortfalls, SomeVcpusOfTheirOwnAreMixed)
{
    host_.add(1, "web1", 4, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated", {{"dedicated-vcpus", "0-1"s}}));
    EXPECT_EQ(view(1).placement, "mixed");
}

TEST_F(Shortfalls, PinsOfOthersAreForeign)
{
    auto& seen = host_.add(1, "pihole", 2, 1);
    seen.running->pins.vcpus = {{VcpuId{0}, CpuSet{CpuId{2}}}, {VcpuId{1}, CpuSet{CpuId{3}}}};
    connect();
    EXPECT_EQ(view(1).placement, "foreign");
    EXPECT_TRUE(view(1).satisfied);
}

TEST_F(Shortfalls, FailureIsAShortfallWithTheWordOfTheError)
{
    host_.add(1, "web1", 4, 1);
    connect();
    domain(1).facts.metadata.content =
        Error{.code = Errc::invalid_policy, .message = "attribute 'smtt' is not an option"};
    changed(1, "metadata");
    EXPECT_FALSE(view(1).satisfied);
    EXPECT_EQ(view(1).shortfall.first, "InvalidPolicy");
    EXPECT_EQ(view(1).shortfall, view(1).last_error);
}

TEST_F(Shortfalls, FallbackFailIsAShortfallWithAReason)
{
    host_.add(1, "web1", 17, 1)
        .facts.metadata.content.emplace(
            PolicySpec{.name = "dedicated", .options = {{"fallback", "fail"s}}});
    connect();
    EXPECT_EQ(view(1).last_error.first, "Unsatisfiable");
    EXPECT_EQ(view(1).shortfall.first, "no-room");
}

TEST_F(Shortfalls, HoldsAreShownOfTheDomainAndOfAll)
{
    host_.add(1, "web1", 4, 1);
    host_.add(2, "web2", 4, 2);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    ASSERT_TRUE(hold(1, ":1.7", "benchmark"));
    const std::vector<HoldView> held{
        {.uuid = FakeHost::uuid(1), .owner = ":1.7", .reason = "benchmark"}};
    EXPECT_EQ(view(1).holds, held);
    EXPECT_EQ(view(1).placement, "own") << "it stays where it is";
    EXPECT_TRUE(view(2).holds.empty());
    EXPECT_EQ(sink_.manager.holds, held);
    controller_.owner_vanished(":1.7");
    host_.answer_all();
    EXPECT_TRUE(view(1).holds.empty());
    EXPECT_TRUE(sink_.manager.holds.empty());
}

} // namespace
} // namespace virtpind::test
