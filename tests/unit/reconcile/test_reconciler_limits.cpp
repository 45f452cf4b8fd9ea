// SPDX-License-Identifier: LGPL-2.1-or-later
// Limits of requests, exports, histories and events: beyond them a request is refused and
// nothing else suffers.
#if defined(__GNUC__) && !defined(__clang__)
// g++ 14 takes what an optional variant holds for uninitialized where it inlines the copy.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "daemon/service/log_events.hpp"
#include "tests/support/captured_log.hpp"
#include "tests/support/spine.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <utility>

namespace virtpind::test {
namespace {

TEST_F(ReconcilerTest, RequestsThatWaitAreBoundedAndAllAreAnswered)
{
    host_.add(1, "web1", 2, 1);
    connect();
    const auto looks = host_.observations;
    Requests requests;
    requests.reapply(controller_, Reconciler::waiting_max);
    EXPECT_EQ(requests.refused, 0U);
    requests.reapply(controller_, 1);
    EXPECT_EQ(requests.refused, 1U) << "before anything was answered";
    host_.answer_all();
    EXPECT_EQ(requests.done, Reconciler::waiting_max);
    EXPECT_EQ(host_.observations - looks, 2) << "one pass serves all who wait";
}

// Who waits for a pass that comes to nothing waits for the next one.
TEST_F(ReconcilerTest, RequestsThatWaitAreBoundedHoweverOftenThePassReplans)
{
    host_.add(1, "web1", 2, 1);
    use_by_default("dedicated");
    connect();
    Requests requests;
    requests.reapply(controller_, Reconciler::waiting_max);
    for (int round = 1; round <= 3; ++round) {
        host_.add(10 + round, "new", 1, 10 + round);
        host_.answer_all(1); // the look; how the new domain is, is being saved
        auto topology = sixteen_cpus();
        topology.generation = static_cast<std::uint64_t>(round);
        reconciler_.on_topology(std::make_shared<Topology>(std::move(topology)));
        host_.answer_all(1); // that is saved, and the plan is of a host that was
        requests.reapply(controller_, Reconciler::waiting_max);
        EXPECT_EQ(requests.waiting(), Reconciler::waiting_max) << round;
    }
    EXPECT_EQ(host_.applied.size(), 1U) << "at the start, and nothing since";
    host_.answer_all();
    EXPECT_EQ(requests.done, Reconciler::waiting_max);
    EXPECT_EQ(requests.waiting(), 0U);
}

TEST_F(ReconcilerTest, RequestsThatWaitAreBoundedHoweverOftenTheirDomainIsRestarted)
{
    host_.add(1, "web1", 2, 1);
    use_by_default("dedicated");
    connect();
    Requests requests;
    requests.reapply(controller_, Reconciler::waiting_max);
    domain(1).running->pins.vcpus.clear();
    host_.before_apply = [this, &requests, run = 1]() mutable { // twice, the domain is restarted
        FakeHost::start(domain(1), ++run);
        domain(1).running->pins.vcpus.clear();
        requests.reapply(controller_, Reconciler::waiting_max);
        EXPECT_EQ(requests.waiting(), Reconciler::waiting_max);
        if (run == 3) {
            host_.before_apply = nullptr;
        }
    };
    host_.answer_all();
    EXPECT_EQ(requests.done, Reconciler::waiting_max);
    EXPECT_EQ(requests.waiting(), 0U);
}

TEST_F(ReconcilerTest, NothingChangesWhereNoSlotIsFreeForThePassThatFollows)
{
    host_.add(1, "web1", 2, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    const auto generation = record(1).generation;
    Requests requests;
    requests.reapply(controller_, Reconciler::waiting_max);
    std::vector<Error> refused;
    const auto take = [&refused](const Result<std::uint64_t>& got) {
        ASSERT_FALSE(got);
        refused.push_back(got.error());
    };
    const SetPolicyRequest shared{.uuid = FakeHost::uuid(1), .policy = "shared"};
    auto for_this_run = shared;
    for_this_run.flags = flag_runtime_only;
    controller_.set_policy(shared, take);
    controller_.set_policy(for_this_run, take);
    controller_.reset_policy(FakeHost::uuid(1), 0, {}, take);
    controller_.reset_policy(FakeHost::uuid(1), flag_runtime_only, {}, take);
    controller_.hold(FakeHost::uuid(1), "benchmark", ":1.7", take);
    ASSERT_EQ(refused.size(), 5U) << "at once";
    for (const auto& error : refused) {
        EXPECT_EQ(error.code, Errc::limits_exceeded) << error.message;
    }
    host_.answer_all();
    EXPECT_EQ(record(1).generation, generation);
    EXPECT_FALSE(record(1).runtime_policy);
    EXPECT_TRUE(record(1).holds.empty());
    ASSERT_TRUE(domain(1).facts.metadata.content);
    EXPECT_EQ(record(1).decision.policy.policy.name, "dedicated");
    EXPECT_EQ(requests.done, Reconciler::waiting_max);
}

TEST_F(ReconcilerTest, SlotIsKeptForThePassAfterAPolicyThatIsBeingStored)
{
    host_.add(1, "web1", 2, 1);
    connect();
    std::optional<Result<std::uint64_t>> got;
    controller_.set_policy({.uuid = FakeHost::uuid(1), .policy = "dedicated"},
                           [&got](Result<std::uint64_t> reply) { got = std::move(reply); });
    Requests requests;
    requests.reapply(controller_, Reconciler::waiting_max);
    EXPECT_EQ(requests.refused, 1U);
    host_.answer_all();
    ASSERT_TRUE(got && *got) << (got ? got->error().message : "no reply");
    EXPECT_EQ(record(1).state, PinState::pinned);

    host_.store_error = Error{.code = Errc::apply_failed, .message = "disk full"};
    EXPECT_FALSE(set_policy(1, "shared"));
    Requests later;
    later.reapply(controller_, Reconciler::waiting_max);
    EXPECT_EQ(later.refused, 0U) << "what was kept for that one is given back";
    host_.answer_all();
}

TEST_F(ReconcilerTest, DomainWhoseXmlIsTooLongIsLeftAloneAndTheOthersAreNot)
{
    host_.add(1, "web1", 2, 1).facts.definition_bytes = changed_definition_bytes_max;
    auto& large = host_.add(2, "large", 2, 2);
    large.facts.definition_bytes = changed_definition_bytes_max + 1;
    large.running->pins.vcpus[VcpuId{0}] = *CpuSet::parse("0");
    Config config;
    config.default_policy = "dedicated";
    config.domains["large"] = {.name = "dedicated", .options = {}};
    reconciler_.on_config(std::move(config));
    connect();
    EXPECT_EQ(record(1).state, PinState::pinned);
    EXPECT_FALSE(record(1).plan->vcpus.at(VcpuId{0}).intersects(*CpuSet::parse("0")))
        << "it is taken";
    EXPECT_EQ(record(2).decision.stance, Stance::broken);
    EXPECT_EQ(record(2).decision.intent.why.front().code, ReasonCode::definition_too_long);
    ASSERT_TRUE(record(2).error);
    EXPECT_EQ(record(2).error->code, Errc::limits_exceeded);

    const auto answers = {set_policy(2, "shared"), reset_policy(2)};
    for (const auto& answer : answers) {
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error().code, Errc::limits_exceeded);
        EXPECT_NE(answer.error().message.find("large: Its XML has 1024 KiB"), std::string::npos)
            << answer.error().message;
    }
    EXPECT_FALSE(domain(2).facts.metadata.content) << "refused before anything is stored";
    EXPECT_TRUE(hold(2)) << "it may be held all the same";

    domain(2).facts.definition_bytes = 5000;
    changed(2);
    EXPECT_TRUE(set_policy(2, "shared")) << "shortened";
}

TEST_F(ReconcilerTest, LongDefinitionsComeLastAndOneByOne)
{
    constexpr std::size_t kib = 1024;
    for (const auto number : {1, 2, 3, 4, 5}) {
        host_.add(number, "web" + std::to_string(number), 1, number).facts.definition_bytes =
            number <= 2 ? 200 * kib : 5 * kib;
    }
    use_by_default("shared");
    std::size_t jobs = 0;
    host_.before_apply = [&jobs] { ++jobs; };
    connect();
    std::vector<int> order;
    for (const auto& actions : host_.applied) {
        order.push_back(*actions.id);
    }
    EXPECT_EQ(order, (std::vector{3, 4, 5, 1, 2}));
    EXPECT_EQ(jobs, 2U) << "200 KiB and what is short, then 200 KiB";
}

TEST_F(ReconcilerTest, TopologyExportsAreBounded)
{
    connect();
    std::vector<Result<std::string>> replies;
    const auto ask = [&](uid_t user) {
        controller_.export_topology(0, {.name = ":1.1", .uid = user},
                                    [&](auto reply) { replies.push_back(std::move(reply)); });
    };
    for (std::size_t i = 0; i < Exports::each_max + 1; ++i) {
        ask(100'000);
    }
    ASSERT_EQ(replies.size(), 1U) << "one more than one user may have";
    for (std::size_t i = Exports::each_max; i < Exports::total_max; ++i) {
        ask(100'000 + static_cast<uid_t>(i));
    }
    ASSERT_EQ(replies.size(), 1U);
    ask(100'099);
    ASSERT_EQ(replies.size(), 2U) << "one more than all may have";
    ask(0);
    ASSERT_EQ(replies.size(), 2U) << "but root has a share of its own";
    for (const auto& refused : replies) {
        EXPECT_EQ(refused.error().code, Errc::limits_exceeded);
        EXPECT_NE(refused.error().message.find("try again"), std::string::npos);
    }
    for (const auto& answer : std::exchange(exports_, {})) {
        answer(std::string{"<topology/>"});
    }
    EXPECT_EQ(replies.size(), Exports::total_max + 3);
    ask(100'000);
    EXPECT_EQ(exports_.size(), 1U) << "there is room again";
}

TEST_F(ReconcilerTest, HistoryIsBounded)
{
    host_.add(1, "web1", 2, 1);
    connect();
    for (unsigned i = 0; i < 3 * DomainRecord::history_max; ++i) {
        ASSERT_TRUE(set_policy(1, "dedicated", {{"cpus", std::to_string(2 + i % 2) + "-7"}}));
        domain(1).running->pins.vcpus.clear();
    }
    EXPECT_EQ(record(1).history.size(), DomainRecord::history_max);
}

TEST_F(ReconcilerTest, EntryOfTheHistoryIsBounded)
{
    host_.add(1, "web1", 2, 1);
    connect();
    std::string words;
    host_.refuse = [&words](const auto&, const auto&) {
        return Error{.code = Errc::apply_failed, .message = words};
    };
    const auto entry_with = [&](std::size_t bytes) {
        words = std::string(bytes, 'x');
        domain(1).running->pins.vcpus.clear();
        EXPECT_FALSE(set_policy(1, "dedicated", {{"cpus", std::string{"2-3"}}}));
        return record(1).history.back().what;
    };
    entry_with(1); // from then on, the same pins are refused each time
    const auto one = entry_with(1).size();
    const auto times = entry_with(2).size() - one;
    const auto around = one - times; // what is said beside the words
    ASSERT_GT(times, 0U);
    const auto fits = (DomainRecord::history_bytes_max - around) / times;
    EXPECT_EQ(entry_with(fits).size(), around + fits * times) << "all of it";
    EXPECT_EQ(entry_with(fits + 1).size(), DomainRecord::history_bytes_max + 3) << "with dots";
}

TEST_F(ReconcilerTest, EventsThatWereDroppedAreOneFullObservation)
{
    host_.add(1, "web1", 2, 1);
    host_.add(2, "web2", 2, 2);
    use_by_default("dedicated");
    connect();
    domain(1).running->pins.vcpus.clear();
    domain(2).running->pins.vcpus.clear();
    const auto looks = host_.observations;
    reconciler_.on_event(EventsOverflowed{});
    host_.answer_all();
    EXPECT_EQ(host_.observations - looks, 1);
    EXPECT_EQ(domain(1).running->pins.vcpus.size(), 2U);
    EXPECT_EQ(domain(2).running->pins.vcpus.size(), 2U);
}

// Beyond the limit, an undefined domain is one that is merely out of sight.
TEST_F(ReconcilerTest, DomainsThatEndDuringOneObservationAreBounded)
{
    for (const std::size_t others : {4095U, 4096U}) {
        use_by_default("dedicated");
        host_.add(1, "web1", 2, std::nullopt);
        connect();
        ASSERT_EQ(host_.images.size(), 1U);
        host_.domains.clear();
        reconciler_.on_event(DomainChanged{.uuid = FakeHost::uuid(9), .what = "tunable"});
        const auto end = [this](int number) {
            reconciler_.on_event(DomainChanged{.uuid = FakeHost::uuid(number),
                                               .what = "undefined",
                                               .kind = DomainChanged::Kind::ended});
        };
        for (std::size_t i = 0; i < others; ++i) {
            end(static_cast<int>(10 + i));
        }
        end(1);
        host_.answer_all();
        EXPECT_EQ(host_.images.size(), others < 4096U ? 0U : 1U) << others;
    }
    reconciler_.on_event(DomainChanged{
        .uuid = FakeHost::uuid(1), .what = "undefined", .kind = DomainChanged::Kind::ended});
    host_.answer_all();
    EXPECT_TRUE(host_.images.empty()) << "there is room again after a look";
}

TEST(LogLimits, LineIsBounded)
{
    CapturedLog log;
    for (const std::size_t bytes : {4096U, 4097U}) {
        log_event(LogEvent::domain_failed, std::string(bytes, 'x'));
        const auto expected = std::string(4096, 'x') + (bytes > 4096 ? "..." : "") + "\n";
        EXPECT_EQ(log.take(), expected);
    }
}

} // namespace
} // namespace virtpind::test
