// SPDX-License-Identifier: LGPL-2.1-or-later
// SetPolicy with MERGE: what is stored for a domain is changed, not replaced.
#if defined(__GNUC__) && !defined(__clang__)
// g++ 14 takes what an optional variant holds for uninitialized where it inlines the copy.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "tests/support/spine.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace virtpind::test {
namespace {

using namespace std::string_literals;

class Merge : public ReconcilerTest {
protected:
    void SetUp() override
    {
        ReconcilerTest::SetUp();
        host_.add(1, "web1", 4, 1);
        connect();
    }

    Result<std::uint64_t> merge(std::string policy, OptionMap options, std::uint64_t flags = 0)
    {
        return set_policy(1, std::move(policy), std::move(options), flags | flag_merge);
    }

    // What is stored for the domain.
    PolicySpec stored()
    {
        const auto& content = domain(1).facts.metadata.content;
        return content && *content ? **content : PolicySpec{};
    }

    // Where Plan would put the vCPUs of the domain with this change.
    CpuSet planned(std::string policy, OptionMap options, std::uint64_t flags = flag_merge)
    {
        std::optional<Result<std::string>> answer;
        controller_.plan({.uuid = FakeHost::uuid(1),
                          .policy = std::move(policy),
                          .options = std::move(options),
                          .flags = flags},
                         DefinitionScope::whole,
                         [&answer](Result<std::string> made) { answer = std::move(made); });
        for (auto turns = 0; !answer && turns < 1000; ++turns) {
            EXPECT_GE(sd_event_run(loop_.raw(), 10'000), 0);
            host_.answer_all();
        }
        plan_refusal_ = answer && !*answer ? answer->error().message : "";
        CpuSet all;
        if (answer && *answer) {
            const auto plan = nlohmann::json::parse(**answer);
            for (const auto& cpus : plan["domains"][0]["vcpupin"]) {
                all |= *CpuSet::parse(cpus.get<std::string>());
            }
        }
        return all;
    }

    std::string plan_refusal_;

    // The text that refuses the request, which changes nothing.
    std::string refusal(std::string policy, OptionMap options)
    {
        const auto before = stored();
        const auto generation = record(1).generation;
        const auto done = merge(std::move(policy), std::move(options));
        EXPECT_FALSE(done);
        EXPECT_EQ(stored(), before);
        EXPECT_EQ(record(1).generation, generation);
        if (done) {
            return "";
        }
        EXPECT_EQ(done.error().code, Errc::invalid_policy);
        return done.error().message;
    }
};

TEST_F(Merge, OptionsThatAreNotGivenStay)
{
    ASSERT_TRUE(set_policy(1, "dedicated", {{"smt", "require"s}, {"priority", 2}}));
    ASSERT_TRUE(merge("", {{"priority", 5}, {"numa", "single"s}}));
    EXPECT_EQ(stored(),
              (PolicySpec{.name = "dedicated",
                          .options = {{"smt", "require"s}, {"priority", 5}, {"numa", "single"s}}}));
    ASSERT_TRUE(merge("passthrough", {}));
    EXPECT_EQ(stored().name, "passthrough");
    EXPECT_EQ(stored().options.size(), 3U);
    ASSERT_TRUE(set_policy(1, "dedicated"));
    EXPECT_TRUE(stored().options.empty()) << "without MERGE, all is replaced";
}

TEST_F(Merge, EmptyStringTakesAnOptionAwayWhateverItsType)
{
    ASSERT_TRUE(
        set_policy(1, "dedicated", {{"smt", "require"s}, {"priority", 2}, {"cpus", "0-7"s}}));
    ASSERT_TRUE(merge("", {{"priority", ""s}, {"cpus", ""s}, {"vcpus", ""s}}));
    EXPECT_EQ(stored().options, (OptionMap{{"smt", "require"s}}));
}

TEST_F(Merge, WhatTheConfigurationSetsIsNotStored)
{
    auto config = config_with_default("none");
    config.domains["web1"] = {.name = "dedicated", .options = {{"smt", "require"s}}};
    reconciler_.on_config(config);
    ASSERT_TRUE(merge("", {{"priority", 3}}));
    EXPECT_EQ(stored(), (PolicySpec{.name = "", .options = {{"priority", 3}}}));
    const auto& policy = record(1).decision.policy.policy;
    EXPECT_EQ(policy.name, "dedicated");
    EXPECT_EQ(policy.smt, SmtChoice::require);
    EXPECT_EQ(policy.priority, 3);
}

TEST_F(Merge, RuntimePolicyIsALayerOfItsOwn)
{
    ASSERT_TRUE(set_policy(1, "dedicated", {{"smt", "require"s}}));
    ASSERT_TRUE(merge("", {{"priority", 1}}, flag_runtime_only));
    ASSERT_TRUE(merge("", {{"numa", "single"s}}, flag_runtime_only));
    EXPECT_EQ(stored(), (PolicySpec{.name = "dedicated", .options = {{"smt", "require"s}}}));
    EXPECT_EQ(*record(1).runtime_policy,
              (PolicySpec{.name = "", .options = {{"priority", 1}, {"numa", "single"s}}}));
    EXPECT_EQ(record(1).decision.policy.policy.smt, SmtChoice::require);
    EXPECT_EQ(record(1).decision.policy.policy.priority, 1);
}

TEST_F(Merge, ExplainTellsTheLayersApart)
{
    auto config = config_with_default("none");
    config.domains["web1"] = {.name = "dedicated", .options = {{"numa", "single"s}}};
    reconciler_.on_config(config);
    ASSERT_TRUE(merge("", {{"smt", "require"s}}));
    ASSERT_TRUE(merge("", {{"priority", 1}}, flag_runtime_only));
    const auto explained = controller_.explain(FakeHost::uuid(1));
    ASSERT_TRUE(explained);
    EXPECT_NE(explained->find(R"("stored":{"policy":"","options":{"smt":"require"}})"),
              std::string::npos)
        << *explained;
    EXPECT_NE(explained->find(R"("runtime-only":{"policy":"","options":{"priority":1}})"),
              std::string::npos)
        << *explained;
}

TEST_F(Merge, TheLastOptionThatIsTakenAwayLeavesNothingStored)
{
    auto config = config_with_default("none");
    config.domains["web1"] = {.name = "dedicated", .options = {{"priority", 3}}};
    reconciler_.on_config(config);
    ASSERT_TRUE(merge("", {{"priority", 5}}));
    ASSERT_TRUE(merge("", {{"priority", 6}}, flag_runtime_only));
    ASSERT_TRUE(merge("", {{"priority", ""s}}, flag_runtime_only));
    EXPECT_FALSE(record(1).runtime_policy);
    EXPECT_EQ(record(1).decision.policy.policy.priority, 5);
    ASSERT_TRUE(merge("", {{"priority", ""s}}));
    EXPECT_FALSE(domain(1).facts.metadata.content);
    EXPECT_EQ(record(1).decision.policy.policy.priority, 3);
    EXPECT_EQ(record(1).decision.policy.policy.name, "dedicated");
    EXPECT_NE(refusal("", {{"priority", ""s}}).find("nothing is set"), std::string::npos)
        << "what the configuration sets is not taken away";
}

TEST_F(Merge, PlanIsOfWhatWouldBeStored)
{
    auto config = config_with_default("none");
    config.domains["web1"] = {.name = "dedicated", .options = {}};
    reconciler_.on_config(config);
    ASSERT_TRUE(merge("", {{"cpus", "8-15"s}}));
    EXPECT_TRUE(CpuSet::range(8, 15).includes(planned("", {{"priority", 5}})));
    EXPECT_EQ(plan_refusal_, "");
    EXPECT_FALSE(CpuSet::range(8, 15).includes(planned("dedicated", {{"priority", 5}}, 0)));
    EXPECT_FALSE(CpuSet::range(8, 15).includes(planned("", {{"cpus", ""s}})));
    ASSERT_TRUE(set_policy(1, "none"));
    EXPECT_TRUE(planned("", {{"priority", 5}}).empty());
    EXPECT_NE(plan_refusal_.find("placement=none"), std::string::npos) << plan_refusal_;
}

TEST_F(Merge, BusTellsWhatIsOfTheDomainItself)
{
    auto config = config_with_default("none");
    config.domains["web1"] = {.name = "dedicated", .options = {{"numa", "single"s}}};
    reconciler_.on_config(config);
    ASSERT_TRUE(reapply(1));
    EXPECT_TRUE(sink_.domains[0].own_policies.empty());
    ASSERT_TRUE(merge("", {{"smt", "require"s}}));
    ASSERT_TRUE(merge("passthrough", {}, flag_runtime_only));
    EXPECT_EQ(sink_.domains[0].own_policies,
              (std::vector<OwnPolicyView>{
                  {.source = "bus", .policy = "passthrough", .options = {}},
                  {.source = "metadata", .policy = "", .options = {{"smt", "require"s}}}}));
    ASSERT_TRUE(reset_policy(1));
    domain(1).facts.metadata.content =
        Error{.code = Errc::invalid_policy, .message = "attribute 'smtt' is not an option"};
    changed(1, "metadata");
    EXPECT_EQ(sink_.domains[0].own_policies,
              (std::vector<OwnPolicyView>{{.source = "unreadable", .policy = "", .options = {}}}));
}

TEST_F(Merge, TwoAtATimeBothCount)
{
    ASSERT_TRUE(set_policy(1, "dedicated"));
    const auto request = [this](OptionMap options) {
        controller_.set_policy(
            {.uuid = FakeHost::uuid(1), .options = std::move(options), .flags = flag_merge},
            [](const auto& done) { EXPECT_TRUE(done); });
    };
    request({{"smt", "require"s}});
    request({{"priority", 4}}); // the first is not stored yet
    host_.answer_all();
    EXPECT_EQ(stored().options, (OptionMap{{"smt", "require"s}, {"priority", 4}}));
    request({{"priority", ""s}});
    host_.answer_all();
    EXPECT_EQ(stored().options, (OptionMap{{"smt", "require"s}}));
}

TEST_F(Merge, OfWhatCouldNotBeStoredNothingIsKept)
{
    ASSERT_TRUE(set_policy(1, "dedicated"));
    std::vector<bool> done;
    const auto request = [&](OptionMap options) {
        controller_.set_policy(
            {.uuid = FakeHost::uuid(1), .options = std::move(options), .flags = flag_merge},
            [&done](const auto& reply) { done.push_back(static_cast<bool>(reply)); });
    };
    host_.store_error = Error{.code = Errc::apply_failed, .message = "the disk is full"};
    request({{"smt", "require"s}});
    request({{"priority", 4}});
    request({{"numa", "single"s}});
    host_.answer_all(1);
    host_.store_error.reset();
    host_.answer_all();
    EXPECT_EQ(done, (std::vector{false, true, true}));
    EXPECT_EQ(stored().options, (OptionMap{{"priority", 4}, {"numa", "single"s}}));
}

TEST_F(Merge, OfADomainThatGoesMeanwhileIsRefused)
{
    ASSERT_TRUE(set_policy(1, "dedicated"));
    auto refused = 0;
    for (const auto* value : {"require", "prefer"}) {
        controller_.set_policy({.uuid = FakeHost::uuid(1),
                                .options = {{"smt", std::string{value}}},
                                .flags = flag_merge},
                               [&refused](const auto& reply) { refused += reply ? 0 : 1; });
    }
    host_.store_error = Error{.code = Errc::not_found, .message = "no such domain"};
    host_.domains.clear();
    changed(1, "undefined");
    EXPECT_EQ(refused, 2);
}

TEST_F(Merge, WaitsOnlySoManyTimes)
{
    ASSERT_TRUE(set_policy(1, "dedicated"));
    std::string refused;
    for (auto i = 0; i < 66; ++i) {
        controller_.set_policy(
            {.uuid = FakeHost::uuid(1), .options = {{"priority", i}}, .flags = flag_merge},
            [&refused](const auto& reply) { refused += reply ? "" : reply.error().message; });
    }
    EXPECT_EQ(refused, "64 changes of the domain's policy wait for libvirt to store those before; "
                       "ask again once they are answered");
    host_.answer_all();
    EXPECT_EQ(stored().options, (OptionMap{{"priority", 64}}));
}

TEST_F(Merge, AfterAResetThatIsStillUnderWayNothingOfBeforeIsKept)
{
    ASSERT_TRUE(set_policy(1, "dedicated", {{"smt", "require"s}}));
    controller_.reset_policy(FakeHost::uuid(1), 0, {}, [](const auto&) {});
    controller_.set_policy({.uuid = FakeHost::uuid(1), .policy = "dedicated", .flags = flag_merge},
                           [](const auto& done) { EXPECT_TRUE(done); });
    host_.answer_all();
    EXPECT_EQ(stored(), (PolicySpec{.name = "dedicated"}));
}

TEST_F(Merge, NoneAlwaysWorksAndTakesTheOptionsAway)
{
    ASSERT_TRUE(set_policy(1, "dedicated", {{"smt", "require"s}}));
    ASSERT_TRUE(merge("none", {}));
    EXPECT_EQ(stored(), (PolicySpec{.name = "none"}));
    EXPECT_NE(refusal("", {{"smt", "require"s}}).find("placement=none"), std::string::npos);
}

TEST_F(Merge, RefusalSaysWhatToDo)
{
    // No policy that the options could be of.
    auto text = refusal("", {{"smt", "require"s}});
    EXPECT_NE(text.find("such as \"dedicated smt=require\""), std::string::npos) << text;
    EXPECT_NE(text.find("passthrough"), std::string::npos) << text;
    EXPECT_EQ(text.find("valid: none"), std::string::npos) << text;
    // Nothing that could be stored.
    text = refusal("", {{"smt", ""s}});
    EXPECT_NE(text.find("nothing is set for the domain itself"), std::string::npos) << text;
    EXPECT_NE(refusal("dedicatd", {}).find("did you mean 'dedicated'"), std::string::npos);
    EXPECT_NE(refusal("", {{"smtt", ""s}}).find("did you mean 'smt'"), std::string::npos);
    // What stays contradicts what comes.
    ASSERT_TRUE(set_policy(1, "dedicated", {{"smt", "require"s}, {"cpus", "0-7"s}}));
    text = refusal("shared", {});
    EXPECT_NE(text.find("kept: cpus=0-7 smt=require;"), std::string::npos) << text;
    EXPECT_EQ(refusal("dedicatd", {}).find("kept"), std::string::npos) << "not their fault";
    EXPECT_EQ(refusal("", {{"smt", "requir"s}}).find("kept"), std::string::npos);
    ASSERT_TRUE(merge("shared", {{"smt", ""s}}));
    EXPECT_EQ(stored(), (PolicySpec{.name = "shared", .options = {{"cpus", "0-7"s}}}));
    text = refusal("", {{"smt", "require"s}});
    EXPECT_NE(text.find("kept: shared cpus=0-7;"), std::string::npos) << text;
}

TEST_F(Merge, UnreadableMetadataIsNotMergedInto)
{
    domain(1).facts.metadata.content =
        Error{.code = Errc::invalid_policy, .message = "attribute 'smtt' is not an option"};
    changed(1, "metadata");
    const auto text = refusal("dedicated", {});
    EXPECT_NE(text.find("smtt"), std::string::npos) << text;
    EXPECT_NE(text.find("without MERGE"), std::string::npos) << text;
    EXPECT_TRUE(set_policy(1, "dedicated"));
}

TEST_F(Merge, ComparesTheGenerationLikeEveryRequest)
{
    ASSERT_TRUE(set_policy(1, "dedicated"));
    const auto late = set_policy(1, "", {{"priority", 1}}, flag_merge, 1);
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, Errc::conflict);
    EXPECT_TRUE(stored().options.empty());
}

} // namespace
} // namespace virtpind::test
