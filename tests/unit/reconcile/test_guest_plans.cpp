// SPDX-License-Identifier: LGPL-2.1-or-later
// Guests that are not defined: where they would go beside the domains there are.
#include "tests/support/spine.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace virtpind::test {
namespace {

class GuestPlans : public ReconcilerTest {
protected:
    // A definition of `name` with that UUID, or without one.
    void give(const std::string& name, std::optional<int> number, std::uint32_t vcpus = 2)
    {
        FakeHost other;
        auto& guest = other.add(number.value_or(99), name, vcpus, {});
        guest.facts.uuid = number ? guest.facts.uuid : DomainUuid{};
        host_.guest = guest;
    }

    Result<std::string> ask(const std::string& policy, OptionMap options = {})
    {
        std::optional<Result<std::string>> answer;
        controller_.plan_guest("<domain/>", policy, std::move(options),
                               Caller{.name = ":1.1", .uid = 0},
                               [&answer](Result<std::string> made) { answer = std::move(made); });
        for (auto turns = 0; !answer && turns < 1000; ++turns) {
            EXPECT_GE(sd_event_run(loop_.raw(), 10'000), 0);
            host_.answer_all();
        }
        return answer ? std::move(*answer) : Result<std::string>{Error{.message = "no answer"}};
    }

    nlohmann::json plan(const std::string& policy, OptionMap options = {})
    {
        const auto answer = ask(policy, std::move(options));
        EXPECT_TRUE(answer) << answer.error().message;
        return answer ? nlohmann::json::parse(*answer)["domains"] : nlohmann::json::array();
    }

    Errc refusal(const std::string& policy, const std::vector<std::string>& says,
                 OptionMap options = {})
    {
        const auto answer = ask(policy, std::move(options));
        EXPECT_FALSE(answer);
        for (const auto& part : says) {
            EXPECT_NE(answer.error().message.find(part), std::string::npos)
                << part << "\n"
                << answer.error().message;
        }
        return answer.error().code;
    }
};

TEST_F(GuestPlans, NewcomerIsPlannedBesideAllOthersAndNothingChanges)
{
    host_.add(1, "web1", 2, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    const auto applied = host_.applied.size();
    give("new", std::nullopt);
    const auto domains = plan("dedicated");
    ASSERT_EQ(domains.size(), 2U);
    EXPECT_FALSE(domains[0].contains("newcomer"));
    EXPECT_EQ(domains[1]["name"], "new");
    EXPECT_EQ(domains[1]["newcomer"], true);
    EXPECT_EQ(domains[1]["replaces"], false);
    EXPECT_EQ(domains[1]["placement"], "dedicated");
    EXPECT_NE(domains[1]["claim"], domains[0]["claim"]);
    EXPECT_NE(domains[1]["definition-diff"].get<std::string>().find("+<domain/> pinned"),
              std::string::npos);
    EXPECT_EQ(domains[1]["definition-diff-of"], "definition");
    EXPECT_EQ(host_.applied.size(), applied);
}

TEST_F(GuestPlans, OneOfADomainTakesItsPlace)
{
    host_.add(1, "web1", 2, 1);
    connect();
    for (const auto number : {std::optional{1}, std::optional<int>{}}) {
        give("web1", number, 4);
        const auto domains = plan("dedicated");
        ASSERT_EQ(domains.size(), 1U);
        EXPECT_EQ(domains[0]["replaces"], true);
        EXPECT_EQ(domains[0]["uuid"], FakeHost::uuid(1).str());
        EXPECT_EQ(domains[0]["vcpupin"].size(), 4U);
    }
}

TEST_F(GuestPlans, HalfOfAnotherDomainsIdentityIsAConflict)
{
    host_.add(1, "web1", 2, 1);
    connect();
    give("web1", 7);
    EXPECT_EQ(refusal("dedicated", {"'web1'", FakeHost::uuid(1).str(), FakeHost::uuid(7).str()}),
              Errc::conflict);
    give("other", 1);
    EXPECT_EQ(refusal("dedicated", {"'other'", "'web1'"}), Errc::conflict);
}

TEST_F(GuestPlans, WithoutAPolicyItHasTheOneItWouldHave)
{
    connect();
    give("new", std::nullopt);
    EXPECT_EQ(plan("")[0]["requested"], "none");
    host_.guest->facts.metadata.content.emplace(PolicySpec{.name = "dedicated", .options = {}});
    EXPECT_EQ(plan("")[0]["requested"], "dedicated");
    EXPECT_EQ(plan("shared")[0]["requested"], "shared");
    EXPECT_EQ(refusal("", {"\"policy\" is empty"}, {{"smt", std::string{"require"}}}),
              Errc::invalid_argument);
}

TEST_F(GuestPlans, BadInputIsRefused)
{
    connect();
    EXPECT_EQ(refusal("dedicated", {"xml: not a domain XML"}), Errc::invalid_argument);
    give("new", std::nullopt);
    EXPECT_EQ(refusal("dedicatd", {"did you mean 'dedicated'?"}), Errc::invalid_policy);
    EXPECT_EQ(
        refusal("dedicated", {"policy.cpus", "no such CPU: 900"}, {{"cpus", std::string{"900"}}}),
        Errc::invalid_policy);
}

TEST_F(GuestPlans, TooLargeAGuestIsToldWhy)
{
    connect();
    give("huge", std::nullopt, 500);
    const auto domains = plan("dedicated");
    EXPECT_EQ(domains[0]["satisfied"], false);
    EXPECT_FALSE(domains[0]["reasons"].empty());
}

} // namespace
} // namespace virtpind::test
