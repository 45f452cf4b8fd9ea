// SPDX-License-Identifier: LGPL-2.1-or-later
// The spine when events are lost, repeated and reordered, when hosts change under a pass, and at
// its limits.
#if defined(__GNUC__) && !defined(__clang__)
// g++ 14 takes what an optional variant holds for uninitialized where it inlines the copy.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "tests/support/spine.hpp"

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <random>
#include <sstream>

namespace virtpind {
namespace {

using test::FakeHost;
using test::ReconcilerTest;

Config by_default(std::string policy)
{
    Config config;
    config.default_policy = std::move(policy);
    return config;
}

class ReconcilerFaults : public ReconcilerTest {
protected:
    ObservedDomain& add_transient(int number, int id)
    {
        auto& domain = host_.add(number, "transient", 2, id);
        domain.facts.persistent = false;
        domain.config.reset();
        domain.live = PinSet{};
        return domain;
    }

    // What a pass from scratch, with all in view, makes of the present world.
    void expect_settled()
    {
        const auto applied = host_.applied.size();
        changed(1);
        EXPECT_EQ(host_.applied.size(), applied) << "there was something left to do";
        CpuSet taken;
        for (const auto& [uuid, domain] : host_.domains) {
            if (!domain.live) {
                continue;
            }
            for (const auto& [vcpu, cpus] : domain.live->vcpus) {
                EXPECT_EQ(cpus.size(), 1U);
                EXPECT_TRUE((taken & cpus).empty()) << domain.facts.name;
                taken |= cpus;
            }
        }
    }

    // A daemon that starts now, and knows nothing but the files, finds nothing to do and sees the
    // same.
    void expect_nothing_left_for_another()
    {
        FakeHost host;
        host.domains = host_.domains;
        host.images = host_.images;
        Reconciler fresh{loop_, host, "boot", host.images};
        fresh.on_config(reconciler_.config());
        fresh.on_topology(std::make_shared<Topology>(*reconciler_.topology()));
        fresh.on_event(LibvirtConnected{.uri = "fake:///", .driver = "Fake"});
        host.answer_all();
        EXPECT_TRUE(host.applied.empty());
        ASSERT_EQ(fresh.records().size(), reconciler_.records().size());
        for (const auto& [uuid, own] : reconciler_.records()) {
            const auto& record = fresh.records().at(uuid);
            EXPECT_EQ(record.state, own.state);
            ASSERT_TRUE(record.plan && own.plan);
            EXPECT_EQ(record.plan->vcpus, own.plan->vcpus);
        }
    }
};

// What the owner says while the first pass is under way is how it was before.
TEST_F(ReconcilerFaults, DefinitionThatIsEditedUnderAPassIsPlannedOnAgainAndNoted)
{
    auto& domain = host_.add(1, "edited", 2, 7);
    host_.before_apply = [this, &domain] {
        domain.config->emulator = CpuSet{CpuId{1}};
        host_.before_apply = nullptr;
    };
    reconciler_.on_config(by_default("dedicated"));
    connect();
    EXPECT_EQ(host_.applied.size(), 2U);
    EXPECT_NE(domain.config->emulator, CpuSet{CpuId{1}});
    const auto& image = host_.images.at(domain.facts.uuid);
    EXPECT_EQ(image.config->emulator, CpuSet{CpuId{1}});
    EXPECT_EQ(image.live, PinSet{}) << "that is from before the first pass";
    EXPECT_EQ(record(1).failures, 0U);
    expect_settled();
}

// Three domains that come and go at random, the last of them a transient one, and events that are
// lost, repeated, late, out of order, of others, and wrong.
class RandomWorld {
public:
    RandomWorld(FakeHost& host, Reconciler& reconciler, unsigned seed)
        : host_{host}, reconciler_{reconciler}, random_{seed}
    {
        host_.domains.clear();
        for (int number = 1; number < transient; ++number) {
            host_.add(number, "web" + std::to_string(number), 2, std::nullopt);
        }
    }

    void step()
    {
        const auto number = 1 + pick(domains);
        const auto started = change(number);
        const auto kind = started ? DomainChanged::Kind::started : DomainChanged::Kind::ended;
        for (int times = pick(3); times > 0; --times) { // 0: it is lost
            late_.push_back({.uuid = FakeHost::uuid(number), .what = "", .kind = kind});
        }
        while (pick(4) == 0) {
            static constexpr std::array kinds{DomainChanged::Kind::other,
                                              DomainChanged::Kind::started,
                                              DomainChanged::Kind::ended};
            late_.push_back({.uuid = FakeHost::uuid(1 + pick(domains + 2)),
                             .what = "wrong",
                             .kind = kinds.at(static_cast<std::size_t>(pick(3)))});
        }
        std::shuffle(late_.begin(), late_.end(), random_);
        while (!late_.empty() && pick(3) != 0) {
            reconciler_.on_event(late_.back());
            late_.pop_back();
            host_.answer_all(static_cast<std::size_t>(pick(4)));
        }
        if (pick(10) == 0) {
            reconciler_.on_event(EventsOverflowed{});
        }
    }

    // Of all that are still to come, one event does.
    void end()
    {
        for (int number = 1; number <= domains; ++number) {
            if (!host_.domains.contains(FakeHost::uuid(number)) ||
                !host_.domains.at(FakeHost::uuid(number)).facts.active()) {
                change(number);
            }
        }
        reconciler_.on_event(DomainChanged{.uuid = FakeHost::uuid(1 + pick(domains)), .what = ""});
        host_.answer_all();
    }

    static constexpr int domains = 3;

private:
    static constexpr int transient = domains;

    int pick(int below) { return std::uniform_int_distribution{0, below - 1}(random_); }

    // Starts or stops it; whether it runs now. A run begins without any pins.
    bool change(int number)
    {
        const auto at = host_.domains.find(FakeHost::uuid(number));
        const auto runs = at != host_.domains.end() && at->second.facts.active();
        if (runs && number == transient) {
            host_.domains.erase(at);
        } else if (runs) {
            FakeHost::stop(at->second);
        } else if (number == transient) {
            auto& domain = host_.add(number, "transient", 2, ++run_);
            domain.facts.persistent = false;
            domain.config.reset();
        } else {
            FakeHost::start(at->second, ++run_);
            at->second.live = PinSet{};
        }
        return !runs;
    }

    FakeHost& host_;
    Reconciler& reconciler_;
    std::minstd_rand random_;
    std::vector<DomainChanged> late_;
    int run_ = 0;
};

TEST_F(ReconcilerFaults, EventsInAnyNumberAndOrderEndTheSame)
{
    reconciler_.on_config(by_default("dedicated"));
    connect();
    for (unsigned seed = 0; seed < 20; ++seed) {
        SCOPED_TRACE(seed);
        RandomWorld world{host_, reconciler_, seed};
        for (int steps = 0; steps < 60; ++steps) {
            world.step();
        }
        world.end();
        for (int number = 1; number <= RandomWorld::domains; ++number) {
            EXPECT_EQ(record(number).state, PinState::pinned) << number;
            EXPECT_EQ(domain(number).live->vcpus.size(), 2U) << number;
            const auto& image = host_.images.at(FakeHost::uuid(number));
            EXPECT_EQ(image.live.value_or(PinSet{}), PinSet{}) << number << ": those are ours";
            EXPECT_EQ(image.config.value_or(PinSet{}), PinSet{}) << number << ": those are ours";
        }
        expect_settled();
        expect_nothing_left_for_another();
    }
}

TEST_F(ReconcilerFaults, CpuThatGoesOfflineDuringAPassIsLeftInTheNext)
{
    host_.add(1, "web1", 2, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated", {{"cpus", std::string{"2-5"}}}));
    const auto first = domain(1).live->vcpus.at(VcpuId{0}).front();
    auto smaller =
        std::make_shared<Topology>(test::regular_host({.l3s = 2, .cores = 4, .threads = 2}));
    smaller->cpus[raw(first)].online = false;
    smaller->generation = 1;
    host_.refuse = [first](const DomainUuid&, const LiveAction& action) -> std::optional<Error> {
        const auto* pin = std::get_if<PinVcpu>(&action);
        if (pin == nullptr || !pin->cpus.contains(first)) {
            return std::nullopt;
        }
        return Error{.code = Errc::apply_failed, .message = "Invalid argument"};
    };
    domain(1).live->vcpus.clear(); // somebody unpinned it, so that the pass pins it again
    host_.before_apply = [this, smaller] {
        host_.before_apply = nullptr;
        reconciler_.on_topology(smaller);
    };
    changed(1);
    ASSERT_EQ(sink_.results.back().second, "pinned") << "without waiting for a retry";
    EXPECT_FALSE(domain(1).live->vcpus.at(VcpuId{0}).contains(first));
    EXPECT_TRUE((domain(1).live->vcpus.at(VcpuId{0}) - smaller->online_cpus()).empty());
    EXPECT_TRUE((domain(1).config->vcpus.at(VcpuId{0}) - smaller->online_cpus()).empty());
}

TEST_F(ReconcilerFaults, PlanForAHostThatChangedIsNotApplied)
{
    host_.add(1, "web1", 2, 1);
    connect();
    auto smaller =
        std::make_shared<Topology>(test::regular_host({.l3s = 2, .cores = 4, .threads = 2}));
    smaller->cpus[1].online = smaller->cpus[9].online = false;
    smaller->generation = 1;
    std::optional<Result<std::uint64_t>> got;
    controller_.set_policy({.uuid = FakeHost::uuid(1),
                            .policy = "dedicated",
                            .options = {{"cpus", std::string{"1-2,9-10"}}}},
                           [&got](Result<std::uint64_t> reply) { got = std::move(reply); });
    host_.answer_all(2); // the policy is stored, and the domain is seen: what it was is being saved
    ASSERT_TRUE(host_.applied.empty());
    reconciler_.on_topology(smaller);
    EXPECT_FALSE(got) << "it is planned anew for who waits";
    host_.answer_all();
    ASSERT_TRUE(got && *got) << (got ? got->error().message : "no reply");
    ASSERT_EQ(host_.applied.size(), 1U);
    EXPECT_EQ(domain(1).live->vcpus.at(VcpuId{0}).str(), "2");
    EXPECT_EQ(domain(1).live->vcpus.at(VcpuId{1}).str(), "10");
}

TEST_F(ReconcilerFaults, FreeMemoryOfALaterLookIsPlannedWith)
{
    host_.add(1, "web1", 2, std::nullopt).facts.memory_kib = 4 << 20;
    auto look = test::regular_host({.nodes = 2, .l3s = 1, .cores = 4});
    for (auto& node : look.nodes) {
        node.free_memory_kib = 8 << 20;
    }
    look.generation = 1;
    reconciler_.on_topology(std::make_shared<Topology>(look));
    connect();
    look.nodes[0].free_memory_kib = 1 << 20;
    const auto passes = host_.observations;
    reconciler_.on_topology(std::make_shared<Topology>(look));
    host_.answer_all();
    EXPECT_EQ(host_.observations, passes) << "not worth a pass";
    ASSERT_TRUE(set_policy(1, "dedicated"));
    ASSERT_TRUE(record(1).plan->numatune);
    EXPECT_EQ(record(1).plan->numatune->nodes.str(), "1");
}

TEST_F(ReconcilerFaults, BeforeImagesOfTransientDomainsGoWithThem)
{
    reconciler_.on_config(by_default("dedicated"));
    connect();
    for (int number = 1; number <= 50; ++number) {
        add_transient(number, number);
        changed(number, "started");
        EXPECT_EQ(host_.images.size(), 1U);
        host_.domains.erase(FakeHost::uuid(number));
        changed(number, "stopped");
    }
    EXPECT_TRUE(host_.images.empty());
}

// The list was taken before the domain ended, or after it; the answer comes after the event.
TEST_F(ReconcilerFaults, EventBetweenAListAndItsAnswerIsNotLost)
{
    reconciler_.on_config(by_default("dedicated"));
    connect();
    for (const auto is_listed : {true, false}) {
        add_transient(1, 1);
        changed(1, "started");
        ASSERT_EQ(host_.images.size(), 1U);
        auto ending = host_.domains.extract(FakeHost::uuid(1));
        reconciler_.on_event(DomainChanged{.uuid = FakeHost::uuid(1), .what = "tunable"});
        reconciler_.on_event(DomainChanged{
            .uuid = FakeHost::uuid(1), .what = "stopped", .kind = DomainChanged::Kind::ended});
        if (is_listed) {
            host_.domains.insert(std::move(ending));
            host_.answer_all(1);
            host_.domains.clear();
        }
        host_.answer_all();
        EXPECT_TRUE(host_.images.empty()) << "listed: " << is_listed;
    }
}

// The answer has come, the event of its end has not.
TEST_F(ReconcilerFaults, EventAfterTheLookThatMissedTheDomainIsNotLost)
{
    reconciler_.on_config(by_default("dedicated"));
    connect();
    host_.add(1, "web1", 2, std::nullopt);
    changed(1, "defined");
    host_.domains.clear();
    changed(1, "tunable");
    EXPECT_EQ(host_.images.size(), 1U) << "it may be hidden only";
    changed(1, "undefined");
    EXPECT_TRUE(host_.images.empty());
}

// It may be hidden by access control, or this may be another libvirt for once.
TEST_F(ReconcilerFaults, BeforeImageOfATransientDomainStaysUntilItsEndIsToldOf)
{
    reconciler_.on_config(by_default("dedicated"));
    connect();
    add_transient(1, 1);
    changed(1, "started");
    const auto domains = std::exchange(host_.domains, {});
    changed(1, "tunable");
    EXPECT_EQ(host_.images.size(), 1U);
    host_.domains = domains;
    changed(1, "tunable");
    ASSERT_TRUE(record(1).before);
    host_.domains.clear();
    changed(1, "stopped");
    EXPECT_TRUE(host_.images.empty());
}

TEST_F(ReconcilerFaults, BeforeImageOfADomainThatIsUndefinedWhileItRunsGoesWithIt)
{
    host_.add(1, "web1", 2, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    domain(1).facts.persistent = false;
    domain(1).config.reset();
    changed(1, "undefined");
    EXPECT_EQ(host_.images.size(), 1U) << "it still runs";
    host_.domains.erase(FakeHost::uuid(1));
    changed(1, "stopped");
    EXPECT_TRUE(host_.images.empty());
}

TEST_F(ReconcilerFaults, TransientDomainThatIsMadePersistentGetsItsDefinitionBackToo)
{
    auto& domain = add_transient(1, 1);
    domain.live->emulator = CpuSet::range(4, 5);
    reconciler_.on_config(by_default("dedicated"));
    connect();
    EXPECT_FALSE(host_.images.at(FakeHost::uuid(1)).config);
    PinSet defined;
    defined.emulator = CpuSet::range(6, 7);
    domain.facts.persistent = true;
    domain.config = defined;
    changed(1, "defined");
    EXPECT_EQ(domain.config->vcpus.size(), 2U);
    const auto& image = host_.images.at(FakeHost::uuid(1));
    EXPECT_EQ(image.config, defined);
    EXPECT_EQ(image.live->emulator, CpuSet::range(4, 5)) << "as it was at first";
    reconciler_.on_config(by_default("none"));
    host_.answer_all();
    EXPECT_EQ(domain.config, defined);
    EXPECT_EQ(domain.live->emulator, CpuSet::range(4, 5));
    EXPECT_TRUE(host_.images.empty());
}

TEST_F(ReconcilerFaults, TransientDomainThatRestartsBetweenTwoLooksHasAnotherBeforeImage)
{
    add_transient(1, 1).live->emulator = CpuSet::range(4, 5);
    reconciler_.on_config(by_default("dedicated"));
    connect();
    host_.domains.clear();
    add_transient(1, 2).live->emulator = CpuSet::range(6, 7);
    reconciler_.on_event(DomainChanged{
        .uuid = FakeHost::uuid(1), .what = "stopped", .kind = DomainChanged::Kind::ended});
    changed(1, "started");
    ASSERT_EQ(host_.images.size(), 1U);
    EXPECT_EQ(host_.images.at(FakeHost::uuid(1)).id, 2);
    EXPECT_EQ(host_.images.at(FakeHost::uuid(1)).live->emulator, CpuSet::range(6, 7));
    host_.domains.clear();
    add_transient(1, 3);
    reconciler_.on_config(by_default("none"));
    host_.answer_all();
    EXPECT_TRUE(host_.images.empty()) << "nobody touched this run";
}

TEST_F(ReconcilerFaults, BeforeImagesOfTransientDomainsOfAnotherBootAreForgotten)
{
    std::map<DomainUuid, BeforeImage> found;
    for (const auto* boot : {"boot", "earlier"}) {
        for (const auto persistent : {0, 1}) {
            BeforeImage image{.uuid = FakeHost::uuid(static_cast<int>(found.size())),
                              .name = "old",
                              .id = 7,
                              .boot_id = boot,
                              .live = PinSet{}};
            if (persistent == 1) {
                image.config = PinSet{};
            }
            host_.images.emplace(image.uuid, image);
            found.emplace(image.uuid, std::move(image));
        }
    }
    const Reconciler later{loop_, host_, "boot", std::move(found)};
    host_.answer_all();
    EXPECT_EQ(host_.images.size(), 3U);
    EXPECT_FALSE(host_.images.contains(FakeHost::uuid(2)));
}

// Sixteen CPUs, of which `usable` are usable and the rest is offline.
std::shared_ptr<Topology> host_with(const CpuSet& usable, std::uint64_t generation)
{
    auto topology = test::regular_host({.l3s = 2, .cores = 4, .threads = 2});
    topology.generation = generation;
    for (auto& cpu : topology.cpus) {
        cpu.online = usable.contains(cpu.id);
        cpu.allowed = cpu.online;
    }
    return std::make_shared<Topology>(std::move(topology));
}

TEST_F(ReconcilerFaults, HousekeepingThatCannotBeKeptIsAProblemAndNothingBreaks)
{
    struct Case {
        const char* housekeeping;
        const char* kept;
        const char* said; // "": nothing
    };

    host_.add(1, "web1", 2, 1);
    reconciler_.on_config(by_default("dedicated"));
    connect();
    ASSERT_EQ(sink_.manager.housekeeping_cpus.str(), "0,8");
    for (const auto& [housekeeping, kept, said] : {
             Case{"0,999", "0", "names CPUs 999, and the host has 0-15; correct it"},
             Case{"1,8", "1,8", ""},
             Case{"999", "0,8", "so auto is used instead"},
             Case{"0-15", "0,8", "leaves no CPU to domains, so auto is used instead"},
             Case{"0-15,999", "0,8", "names CPUs 999, and the host has 0-15; it leaves no CPU"},
             Case{"", "", ""},
         }) {
        auto config = by_default("dedicated");
        config.housekeeping = *CpuSet::parse(housekeeping);
        reconciler_.on_config(config);
        host_.answer_all();
        EXPECT_EQ(sink_.manager.housekeeping_cpus.str(), kept) << housekeeping;
        EXPECT_EQ(record(1).state, PinState::pinned) << housekeeping;
        const auto& problems = sink_.manager.problems;
        ASSERT_EQ(problems.size(), *said != '\0' ? 1U : 0U) << housekeeping;
        if (!problems.empty()) {
            EXPECT_EQ(problems[0].first, "HousekeepingUnusable");
            EXPECT_NE(problems[0].second.find(said), std::string::npos) << problems[0].second;
            EXPECT_EQ(sink_.manager.state, "degraded");
        }
    }
}

TEST_F(ReconcilerFaults, HousekeepingThatIsOfflineIsAProblemOnlyWhenNoneIsLeft)
{
    auto config = by_default("none");
    config.housekeeping = *CpuSet::parse("6,7");
    reconciler_.on_config(config);
    connect();
    EXPECT_TRUE(sink_.manager.problems.empty());
    reconciler_.on_topology(host_with(*CpuSet::parse("0-6,8-15"), 2));
    host_.answer_all();
    EXPECT_TRUE(sink_.manager.problems.empty()) << "it comes back by itself";
    EXPECT_EQ(sink_.manager.housekeeping_cpus.str(), "6");
    reconciler_.on_topology(host_with(*CpuSet::parse("0-5,8-15"), 3));
    host_.answer_all();
    ASSERT_EQ(sink_.manager.problems.size(), 1U);
    EXPECT_NE(sink_.manager.problems[0].second.find("names no CPU that is online"),
              std::string::npos);
    EXPECT_EQ(sink_.manager.housekeeping_cpus.str(), "0,8");
    reconciler_.on_topology(host_with(CpuSet::range(0, 15), 4));
    host_.answer_all();
    EXPECT_TRUE(sink_.manager.problems.empty());
    EXPECT_EQ(sink_.manager.housekeeping_cpus.str(), "6-7");
}

TEST_F(ReconcilerFaults, ManyBeforeImagesAreForgottenInOneJob)
{
    for (int number = 1; number <= 200; ++number) {
        host_.add(number, "web" + std::to_string(number), 1, number);
    }
    reconciler_.on_config(by_default("shared"));
    connect();
    EXPECT_EQ(host_.images.size(), 200U);
    reconciler_.on_config(by_default("none"));
    host_.answer_all();
    EXPECT_TRUE(host_.images.empty());
    EXPECT_EQ(host_.forget_jobs, 1);
}

TEST_F(ReconcilerFaults, BeforeImageThatCannotBeRemovedIsTriedAgainUnlessItIsNeededAgain)
{
    host_.add(1, "web1", 2, 1);
    host_.add(2, "web2", 2, 2);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    ASSERT_TRUE(set_policy(2, "dedicated"));
    host_.forget_error = Error{.code = Errc::not_persisted, .message = "read-only"};
    ASSERT_TRUE(reset_policy(1));
    ASSERT_TRUE(reset_policy(2));
    EXPECT_EQ(host_.images.size(), 2U);
    changed(1);
    EXPECT_EQ(sink_.manager.problems.size(), 1U);
    ASSERT_TRUE(set_policy(2, "dedicated"));
    host_.forget_error.reset();
    changed(1);
    changed(1);
    EXPECT_EQ(host_.images.size(), 1U);
    EXPECT_TRUE(host_.images.contains(FakeHost::uuid(2)));
    EXPECT_TRUE(sink_.manager.problems.empty());
}

// That is held against no domain, but nor was anything given back.
TEST_F(ReconcilerFaults, BeforeImageOutlivesAConnectionThatBreaksWhileItIsGivenBack)
{
    host_.add(1, "web1", 2, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    host_.refuse = [](const auto&, const auto&) {
        return Error{.code = Errc::host_unavailable, .message = "client socket is closed"};
    };
    EXPECT_FALSE(reset_policy(1));
    EXPECT_EQ(host_.images.size(), 1U);
    host_.refuse = nullptr;
    reconciler_.on_event(LibvirtLost{.why = {.message = "client socket is closed"}});
    connect();
    EXPECT_NE(domain(1).live->vcpus.at(VcpuId{0}).size(), 1U) << "it still has our pin";
    EXPECT_TRUE(host_.images.empty());
    EXPECT_EQ(domain(1).config, PinSet{});
}

TEST_F(ReconcilerFaults, WhatLibvirtDeniesToVirtpindIsNotDeniedToTheCaller)
{
    host_.add(1, "web1", 2, 1);
    connect();
    const auto expect_ours = [](const auto& reply, const std::string& doing) {
        ASSERT_FALSE(reply);
        EXPECT_EQ(reply.error().code, Errc::apply_failed);
        EXPECT_NE(reply.error().message.find(doing), std::string::npos) << reply.error().message;
    };
    const Error denied{.code = Errc::permission_denied, .message = "access denied"};
    host_.store_error = denied;
    expect_ours(set_policy(1, "dedicated"), "libvirt does not let virtpind store the policy");
    expect_ours(set_policy(1, "dedicated"), "access denied); see virtpind(8), PRIVILEGES");
    host_.store_error.reset();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    host_.store_error = denied;
    expect_ours(reset_policy(1), "libvirt does not let virtpind remove the policy");
    host_.store_error = Error{.code = Errc::invalid_argument, .message = "invalid flag"};
    expect_ours(reset_policy(1), "libvirt refused to remove the policy: invalid flag");
    host_.observe_error = denied;
    expect_ours(hold(1), "libvirt does not let virtpind read the domains");
}

TEST_F(ReconcilerFaults, WhatLibvirtCannotDoOrNotInTimeReachesTheCallerAsThat)
{
    host_.add(1, "web1", 2, 1);
    connect();
    for (const auto code : {Errc::unsupported, Errc::timed_out, Errc::host_unavailable}) {
        host_.store_error = Error{.code = code, .message = "libvirt's words"};
        const auto reply = set_policy(1, "dedicated");
        ASSERT_FALSE(reply);
        EXPECT_EQ(reply.error().code, code);
        EXPECT_EQ(reply.error().message, "libvirt's words");
    }
}

TEST_F(ReconcilerFaults, APolicyIsLoggedWhenItIsStoredNotWhenItIsAskedFor)
{
    std::ostringstream log;
    const auto usual = spdlog::default_logger();
    spdlog::set_default_logger(std::make_shared<spdlog::logger>(
        "test", std::make_shared<spdlog::sinks::ostream_sink_st>(log)));
    host_.add(1, "web1", 2, 1);
    connect();
    const auto said = [&log](const char* text) {
        return log.str().find(text) != std::string::npos;
    };

    host_.store_error = Error{.code = Errc::apply_failed, .message = "disk full"};
    EXPECT_FALSE(set_policy(1, "dedicated"));
    EXPECT_FALSE(said("policy dedicated set"));
    host_.store_error.reset();
    EXPECT_TRUE(set_policy(1, "dedicated"));
    EXPECT_TRUE(said("web1: policy dedicated set over the bus"));

    host_.store_error = Error{.code = Errc::apply_failed, .message = "disk full"};
    EXPECT_FALSE(reset_policy(1));
    EXPECT_FALSE(said("policy reset"));
    host_.store_error.reset();
    EXPECT_TRUE(reset_policy(1));
    EXPECT_TRUE(said("web1: policy reset over the bus"));
    spdlog::set_default_logger(usual);
}

TEST_F(ReconcilerFaults, EventsDoNotPutOffThePeriod)
{
    host_.add(1, "web1", 2, 1);
    Config config;
    config.period = std::chrono::seconds{1};
    reconciler_.on_config(config);
    connect();
    const auto looks = host_.deep_looks;
    int periods = 0;
    reconciler_.each_period([&] { periods += 1; });
    loop::Timer event{loop_, [this, &event, &periods] {
                          changed(1);
                          event.start(std::chrono::milliseconds{50});
                          if (periods == 2) {
                              loop_.stop(0);
                          }
                      }};
    loop::Timer deadline{loop_, [this] { loop_.stop(1); }};
    event.start(std::chrono::milliseconds{50});
    deadline.start(std::chrono::seconds{20});
    EXPECT_EQ(loop_.run(), 0);
    EXPECT_GE(host_.deep_looks - looks, 2);
}

} // namespace
} // namespace virtpind
