// SPDX-License-Identifier: LGPL-2.1-or-later
// The spine and the controller at their limits: what is refused there, and that nothing else is.
#if defined(__GNUC__) && !defined(__clang__)
// g++ 14 takes what an optional variant holds for uninitialized where it inlines the copy.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "daemon/service/log_events.hpp"
#include "tests/support/spine.hpp"

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <sstream>
#include <utility>

namespace virtpind {
namespace {

using test::FakeHost;

class ReconcilerLimits : public test::ReconcilerTest {
protected:
    void use_by_default(std::string policy)
    {
        Config config;
        config.default_policy = std::move(policy);
        reconciler_.on_config(std::move(config));
    }
};

// Requests that wait, with what came of them.
struct Requests {
    std::size_t asked = 0;
    std::size_t done = 0;
    std::size_t refused = 0;

    [[nodiscard]] std::size_t waiting() const { return asked - done - refused; }

    void reapply(Controller& controller, std::size_t times)
    {
        for (; times > 0; --times) {
            ++asked;
            controller.reapply(FakeHost::uuid(1), 0, [this](const Result<std::uint64_t>& reply) {
                ++(reply ? done : refused);
                EXPECT_TRUE(reply || reply.error().code == Errc::limits_exceeded);
            });
        }
    }
};

TEST_F(ReconcilerLimits, RequestsThatWaitAreBoundedAndAllAreAnswered)
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
TEST_F(ReconcilerLimits, RequestsThatWaitAreBoundedHoweverOftenItIsPlannedAnew)
{
    host_.add(1, "web1", 2, 1);
    use_by_default("dedicated");
    connect();
    Requests requests;
    requests.reapply(controller_, Reconciler::waiting_max);
    for (int round = 1; round <= 3; ++round) {
        host_.add(10 + round, "new", 1, 10 + round);
        host_.answer_all(1); // the look; how the new domain is, is being saved
        auto topology = test::regular_host({.l3s = 2, .cores = 4, .threads = 2});
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

TEST_F(ReconcilerLimits, RequestsThatWaitAreBoundedHoweverOftenTheirDomainIsRestarted)
{
    host_.add(1, "web1", 2, 1);
    use_by_default("dedicated");
    connect();
    Requests requests;
    requests.reapply(controller_, Reconciler::waiting_max);
    domain(1).live->vcpus.clear();
    host_.before_apply = [this, &requests, run = 1]() mutable { // twice, the domain is restarted
        FakeHost::start(domain(1), ++run);
        domain(1).live->vcpus.clear();
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

TEST_F(ReconcilerLimits, DomainWhoseXmlIsTooLongIsLeftAloneAndTheOthersAreNot)
{
    host_.add(1, "web1", 2, 1).facts.definition_bytes = changed_definition_bytes_max;
    auto& large = host_.add(2, "large", 2, 2);
    large.facts.definition_bytes = changed_definition_bytes_max + 1;
    large.live->vcpus[VcpuId{0}] = *CpuSet::parse("0");
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

TEST_F(ReconcilerLimits, LongDefinitionsComeLastAndOneByOne)
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

TEST_F(ReconcilerLimits, NothingChangesWhereThereIsNoRoomForThePassThatFollows)
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

TEST_F(ReconcilerLimits, RoomIsKeptForThePassAfterAPolicyThatIsBeingStored)
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

// Who releases a hold does not wait for the pass that follows, but one does.
TEST_F(ReconcilerLimits, HoldThatEndsWhileThereIsNoRoomIsSeenAllTheSame)
{
    host_.add(1, "web1", 2, 1);
    use_by_default("dedicated");
    connect();
    const auto cookie = hold(1);
    ASSERT_TRUE(cookie);
    ASSERT_EQ(record(1).state, PinState::held);
    reconciler_.on_event(DomainChanged{.uuid = FakeHost::uuid(1), .what = "tunable"});
    Requests requests;
    requests.reapply(controller_, Reconciler::waiting_max);
    host_.answer_all(1); // all of them wait for the pass that begins now
    host_.add(2, "new", 1, 2);
    host_.answer_all(1); // and that is decided, with the hold; how the other was, is being saved
    EXPECT_EQ(requests.waiting(), Reconciler::waiting_max);
    ASSERT_TRUE(controller_.release(*cookie, ":1.7"));
    host_.answer_all();
    EXPECT_EQ(record(1).state, PinState::pinned);
}

// They wait for nothing, so they take nobody's place.
TEST_F(ReconcilerLimits, HoldsThatEndWithTheirOwnerTakeNoRoom)
{
    for (int number = 1; number <= 20; ++number) {
        host_.add(number, "web" + std::to_string(number), 1, number);
    }
    connect();
    for (int number = 1; number <= 20; ++number) {
        ASSERT_TRUE(hold(number));
    }
    const auto looks = host_.observations;
    controller_.owner_vanished(":1.7");
    Requests requests;
    requests.reapply(controller_, Reconciler::waiting_max);
    EXPECT_EQ(requests.refused, 0U);
    host_.answer_all();
    EXPECT_LE(host_.observations, looks + 2) << "one look is for all of them";
    for (int number = 1; number <= 20; ++number) {
        EXPECT_TRUE(record(number).holds.empty());
        EXPECT_NE(record(number).state, PinState::held);
    }
}

TEST_F(ReconcilerLimits, TopologyExportsAreBounded)
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

TEST_F(ReconcilerLimits, HistoryIsBounded)
{
    host_.add(1, "web1", 2, 1);
    connect();
    for (unsigned i = 0; i < 3 * DomainRecord::history_max; ++i) {
        ASSERT_TRUE(set_policy(1, "dedicated", {{"cpus", std::to_string(2 + i % 2) + "-7"}}));
        domain(1).live->vcpus.clear();
    }
    EXPECT_EQ(record(1).history.size(), DomainRecord::history_max);
}

TEST_F(ReconcilerLimits, EntryOfTheHistoryIsBounded)
{
    host_.add(1, "web1", 2, 1);
    connect();
    std::string words;
    host_.refuse = [&words](const auto&, const auto&) {
        return Error{.code = Errc::apply_failed, .message = words};
    };
    const auto entry_with = [&](std::size_t bytes) {
        words = std::string(bytes, 'x');
        domain(1).live->vcpus.clear();
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

TEST_F(ReconcilerLimits, ReasonOfAHoldIsBounded)
{
    host_.add(1, "web1", 2, 1);
    connect();
    const auto hold_for = [this](std::size_t bytes) {
        std::optional<Result<std::uint64_t>> got;
        controller_.hold(FakeHost::uuid(1), std::string(bytes, 'x'), ":1.7",
                         [&got](Result<std::uint64_t> reply) { got = std::move(reply); });
        host_.answer_all();
        return got.value_or(Error{});
    };
    EXPECT_TRUE(hold_for(256));
    EXPECT_EQ(record(1).holds.begin()->second.reason.size(), 256U);
    for (const auto bytes : {std::size_t{0}, std::size_t{257}}) {
        const auto refused = hold_for(bytes);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, Errc::invalid_argument);
        EXPECT_NE(refused.error().message.find("1 to 256"), std::string::npos);
    }
}

TEST_F(ReconcilerLimits, HoldsOfADomainAreBounded)
{
    host_.add(1, "web1", 2, 1);
    connect();
    for (std::size_t i = 0; i < DomainRecord::holds_max; ++i) {
        ASSERT_TRUE(hold(1));
    }
    const auto refused = hold(1);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::limits_exceeded);
    controller_.owner_vanished(":1.7");
    EXPECT_TRUE(hold(1, ":1.8"));
}

TEST_F(ReconcilerLimits, EventsThatWereDroppedAreOneLookAtEverything)
{
    host_.add(1, "web1", 2, 1);
    host_.add(2, "web2", 2, 2);
    use_by_default("dedicated");
    connect();
    domain(1).live->vcpus.clear();
    domain(2).live->vcpus.clear();
    const auto looks = host_.observations;
    reconciler_.on_event(EventsOverflowed{});
    host_.answer_all();
    EXPECT_EQ(host_.observations - looks, 1);
    EXPECT_EQ(domain(1).live->vcpus.size(), 2U);
    EXPECT_EQ(domain(2).live->vcpus.size(), 2U);
}

// Beyond the limit, an undefined domain is one that is merely out of sight.
TEST_F(ReconcilerLimits, DomainsThatEndDuringOneLookAreBounded)
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
    std::ostringstream log;
    const auto usual = spdlog::default_logger();
    auto logger = std::make_shared<spdlog::logger>(
        "test", std::make_shared<spdlog::sinks::ostream_sink_st>(log));
    logger->set_pattern("%v");
    spdlog::set_default_logger(logger);
    for (const std::size_t bytes : {4096U, 4097U}) {
        log.str("");
        log_event(LogEvent::domain_failed, std::string(bytes, 'x'));
        const auto expected = std::string(4096, 'x') + (bytes > 4096 ? "..." : "") + "\n";
        EXPECT_EQ(log.str(), expected);
    }
    spdlog::set_default_logger(usual);
}

// As if they had been found at start: of domains that libvirt does not show.
std::map<DomainUuid, BeforeImage> unseen_images(std::size_t count)
{
    std::map<DomainUuid, BeforeImage> found;
    for (std::size_t i = 0; i < count; ++i) {
        const auto uuid = FakeHost::uuid(static_cast<int>(1000 + i));
        found[uuid] = {.uuid = uuid, .name = "gone", .boot_id = "boot", .config = PinSet{}};
    }
    return found;
}

TEST_F(ReconcilerLimits, ManyBeforeImagesOfDomainsThatAreNotThereAreAProblem)
{
    for (const std::size_t count : {64U, 65U}) {
        Reconciler later{loop_, host_, "boot", unseen_images(count), "/state/domains"};
        later.on_config(Config{});
        later.on_topology(std::make_shared<Topology>(*reconciler_.topology()));
        later.on_event(LibvirtConnected{.uri = "fake:///", .driver = "Fake"});
        host_.answer_all();
        const auto problems = make_manager_view(later.state()).problems;
        ASSERT_EQ(problems.size(), count - 64U);
        if (problems.empty()) {
            continue;
        }
        EXPECT_EQ(problems[0].first, "BeforeImagesUnseen");
        EXPECT_NE(problems[0].second.find("of 65 domains"), std::string::npos);
        EXPECT_NE(problems[0].second.find("/state/domains"), std::string::npos);
        host_.add(1000, "back", 1, std::nullopt);
        later.on_event(DomainChanged{.uuid = FakeHost::uuid(1000), .what = "defined"});
        host_.answer_all();
        EXPECT_TRUE(make_manager_view(later.state()).problems.empty()) << "one of them came back";
    }
}

TEST_F(ReconcilerLimits, BeforeImageOfADomainThatIsNotThereMakesRoomForOneThatIs)
{
    const auto found = unseen_images(2);
    host_.images = found;
    host_.images_max = 3;
    host_.images_by_age = {FakeHost::uuid(5), FakeHost::uuid(1001), FakeHost::uuid(1000)};
    for (int number = 1; number <= 4; ++number) {
        host_.add(number, "web" + std::to_string(number), 1, number);
    }
    Reconciler later{loop_, host_, "boot", found};
    later.on_config(reconciler_.config());
    later.on_topology(std::make_shared<Topology>(*reconciler_.topology()));
    later.on_event(LibvirtConnected{.uri = "fake:///", .driver = "Fake"});
    host_.answer_all();
    Config config;
    config.default_policy = "dedicated";
    const auto kept = [this](int number) { return host_.images.contains(FakeHost::uuid(number)); };
    host_.before_apply = [&] {
        EXPECT_TRUE(kept(1) && kept(2) && kept(3)) << "each that is touched";
        host_.before_apply = nullptr;
    };
    later.on_config(config);
    host_.answer_all();
    EXPECT_FALSE(kept(1001));
    EXPECT_FALSE(kept(1000)) << "the younger one went, too";
    EXPECT_EQ(later.find(FakeHost::uuid(3))->state, PinState::pinned);
    const auto& refused = *later.find(FakeHost::uuid(4));
    ASSERT_TRUE(refused.error) << "none is left that could go";
    EXPECT_EQ(refused.error->code, Errc::not_persisted);
    EXPECT_EQ(host_.images.size(), host_.images_max);
}

TEST_F(ReconcilerLimits, OldestOfTheBeforeImagesThatAreNotNeededMakesRoomFirst)
{
    const auto found = unseen_images(3);
    host_.images = found;
    host_.images_max = 3;
    host_.images_by_age = {FakeHost::uuid(1001), FakeHost::uuid(1000), FakeHost::uuid(1002)};
    host_.add(1, "web1", 1, 1);
    Reconciler later{loop_, host_, "boot", found};
    Config config;
    config.default_policy = "dedicated";
    later.on_config(config);
    later.on_topology(std::make_shared<Topology>(*reconciler_.topology()));
    later.on_event(LibvirtConnected{.uri = "fake:///", .driver = "Fake"});
    host_.answer_all();
    EXPECT_TRUE(host_.images.contains(FakeHost::uuid(1)));
    EXPECT_FALSE(host_.images.contains(FakeHost::uuid(1001)));
    EXPECT_EQ(host_.images.size(), 3U);
}

} // namespace
} // namespace virtpind
