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

TEST_F(Shortfalls, WhoTakesAPlaceAndWhoLosesItAreTold)
{
    host_.add(1, "win11", 14, 1);
    host_.add(2, "build", 2, 2);
    host_.add(3, "mail", 2, 3);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    ASSERT_TRUE(set_policy(2, "dedicated", {{"priority", 9}}));
    EXPECT_EQ(view(2).displaced, std::vector<std::string>{"win11"});
    EXPECT_EQ(view(1).displaced_by, std::vector<std::string>{"build"});
    EXPECT_TRUE(view(1).displaced.empty());
    const auto told =
        std::find_if(sink_.all_details.begin(), sink_.all_details.end(),
                     [](const auto& entry) { return entry.second.contains("displaced"); });
    ASSERT_NE(told, sink_.all_details.end());
    EXPECT_EQ(told->first, FakeHost::uuid(2));
    EXPECT_EQ(told->second.find("displaced")->second,
              OptionValue{std::vector<std::string>{"win11"}});
    EXPECT_NE(record(2).history.back().what.find("it took the place of win11"), std::string::npos)
        << record(2).history.back().what;
    EXPECT_NE(record(1).history.back().what.find("its place went to build"), std::string::npos)
        << record(1).history.back().what;

    // Told once, and shown as long as it lasts.
    sink_.all_details.clear();
    ASSERT_TRUE(set_policy(2, "dedicated", {{"priority", 8}}));
    ASSERT_TRUE(set_policy(3, "shared"));
    EXPECT_EQ(view(2).displaced, std::vector<std::string>{"win11"});
    EXPECT_TRUE(std::none_of(sink_.all_details.begin(), sink_.all_details.end(),
                             [](const auto& entry) { return entry.second.contains("displaced"); }));
    ASSERT_TRUE(set_policy(2, "none"));
    EXPECT_TRUE(view(1).satisfied);
    EXPECT_TRUE(view(2).displaced.empty());
    EXPECT_TRUE(view(1).displaced_by.empty());
}

TEST_F(Shortfalls, SharedDomainsThatLoseThePoolAreDisplacedToo)
{
    host_.add(1, "win11", 14, 1);
    host_.add(2, "build", 2, 2);
    connect();
    ASSERT_TRUE(set_policy(2, "shared"));
    ASSERT_TRUE(set_policy(1, "dedicated"));
    EXPECT_EQ(view(1).displaced, std::vector<std::string>{"build"});
    FakeHost::stop(domain(2));
    changed(2, "stopped");
    EXPECT_TRUE(view(1).displaced.empty()) << "who is off has lost nothing";
}

TEST_F(Shortfalls, PlanTellsWhoWouldLoseItsPlace)
{
    host_.add(1, "win11", 14, 1);
    host_.add(2, "build", 2, 2);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    std::string json;
    controller_.plan(
        {.uuid = FakeHost::uuid(2), .policy = "dedicated", .options = {{"priority", 9}}},
        DefinitionScope::whole,
        [&json](const Result<std::string>& made) { json = made ? *made : ""; });
    for (auto turns = 0; json.empty() && turns < 1000; ++turns) {
        ASSERT_GE(sd_event_run(loop_.raw(), 10'000), 0);
        host_.answer_all();
    }
    EXPECT_NE(json.find(R"("displaced":["win11"])"), std::string::npos) << json;
    EXPECT_TRUE(view(1).satisfied) << "only planned";
}

TEST_F(Shortfalls, WhyTellsWhatIsMissingFirst)
{
    host_.add(1, "win11", 14, 1);
    host_.add(2, "build", 2, 2);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    auto reasons = controller_.why(FakeHost::uuid(1));
    ASSERT_TRUE(reasons);
    EXPECT_TRUE(std::none_of(reasons->begin(), reasons->end(),
                             [](const auto& reason) { return reason.level == "short"; }));
    ASSERT_TRUE(set_policy(2, "dedicated", {{"priority", 9}}));
    reasons = controller_.why(FakeHost::uuid(1));
    ASSERT_TRUE(reasons);
    ASSERT_FALSE(reasons->empty());
    EXPECT_EQ(reasons->front().level, "short");
    EXPECT_EQ(reasons->front().code, "no-room");
    EXPECT_TRUE(std::is_sorted(reasons->begin(), reasons->end(), [](const auto& a, const auto& b) {
        const auto rank = [](const ReasonView& view) {
            return view.level == "short" ? 0 : view.level == "note" ? 1 : 2;
        };
        return rank(a) < rank(b);
    }));
    domain(1).facts.metadata.content = Error{.code = Errc::invalid_policy, .message = "'smtt'"};
    changed(1, "metadata");
    reasons = controller_.why(FakeHost::uuid(1));
    ASSERT_TRUE(reasons);
    EXPECT_EQ(reasons->front().level, "short");
    EXPECT_NE(reasons->front().text.find("smtt"), std::string::npos);
}

TEST_F(Shortfalls, NobodySpeaksOfThePoolWhereItFloatsElsewhere)
{
    host_.add(1, "win11", 14, 1);
    host_.add(2, "build", 4, 2);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    ASSERT_TRUE(set_policy(2, "dedicated"));
    ASSERT_EQ(view(2).placement, "housekeeping");
    std::string text;
    const auto reasons = controller_.why(FakeHost::uuid(2));
    for (const auto& reason : reasons.value()) {
        text += reason.text + "\n";
    }
    EXPECT_NE(text.find("That is 2 CPUs for 4 vCPUs"), std::string::npos) << text;
    EXPECT_EQ(text.find("shared pool"), std::string::npos) << text;
    EXPECT_EQ(text.find("The pool has"), std::string::npos) << text;
}

TEST_F(Shortfalls, StatusNamesThoseThatAreNotAsAsked)
{
    host_.add(1, "win11", 14, 1);
    host_.add(2, "build", 2, 2);
    connect();
    const auto status = [this] { return status_text(sink_.manager, sink_.domains); };
    ASSERT_TRUE(set_policy(1, "dedicated"));
    EXPECT_EQ(status(), "ready, 2 domains, 1 pinned, 0 problems");
    ASSERT_TRUE(set_policy(2, "dedicated", {{"priority", 9}}));
    EXPECT_EQ(status(), "degraded, 2 domains, 1 pinned, 1 not as asked (win11), 1 problems");

    auto views = sink_.domains;
    for (auto& shown : views) {
        shown.satisfied = false;
        shown.name = std::string(500, 'x');
    }
    views.resize(40, views.front());
    const auto full = status_text(sink_.manager, views);
    EXPECT_NE(full.find("40 not as asked ("), std::string::npos) << full;
    EXPECT_NE(full.find(" and 35 more)"), std::string::npos) << full;
    EXPECT_LT(full.size(), 400U);
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
