// SPDX-License-Identifier: LGPL-2.1-or-later
// Passes when events are lost, repeated and reordered, when definitions are edited under them,
// and when libvirt does not answer.
#if defined(__GNUC__) && !defined(__clang__)
// g++ 14 takes what an optional variant holds for uninitialized where it inlines the copy.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "tests/support/spine.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <random>

namespace virtpind::test {
namespace {

TEST_F(ReconcilerTest, ObservationsThatFailAreRepeatedLessAndLessOftenAndAsDeeply)
{
    host_.add(1, "web1", 4, 1);
    host_.observe_error = Error{.code = Errc::internal, .message = "no"};
    const auto looks = times_of_looks(3);
    EXPECT_GE(looks[1] - looks[0], std::chrono::seconds{1});
    EXPECT_GE(looks[2] - looks[1], std::chrono::milliseconds{1900});
    EXPECT_EQ(host_.deep_looks, 3);
}

TEST_F(ReconcilerTest, EventsDoNotPutOffThePeriod)
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

class EventOrder : public ReconcilerTest {
protected:
    // What a pass from scratch, with all in view, makes of the present world.
    void expect_settled()
    {
        const auto applied = host_.applied.size();
        changed(1);
        EXPECT_EQ(host_.applied.size(), applied) << "there was something left to do";
        CpuSet taken;
        for (const auto& [uuid, domain] : host_.domains) {
            if (!domain.running) {
                continue;
            }
            for (const auto& [vcpu, cpus] : domain.running->pins.vcpus) {
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
        start(fresh, host, reconciler_.config(), *reconciler_.topology());
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
TEST_F(EventOrder, DefinitionThatIsEditedUnderAPassIsPlannedAgainAndNoted)
{
    auto& domain = host_.add(1, "edited", 2, 7);
    host_.before_apply = [this, &domain] {
        domain.definition->pins.emulator = CpuSet{CpuId{1}};
        host_.before_apply = nullptr;
    };
    use_by_default("dedicated");
    connect();
    EXPECT_EQ(host_.applied.size(), 2U);
    EXPECT_NE(domain.definition->pins.emulator, CpuSet{CpuId{1}});
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
            add_transient(host_, number, ++run_);
        } else {
            FakeHost::start(at->second, ++run_);
            at->second.running = {.pins = PinSet{}};
        }
        return !runs;
    }

    FakeHost& host_;
    Reconciler& reconciler_;
    std::minstd_rand random_;
    std::vector<DomainChanged> late_;
    int run_ = 0;
};

TEST_F(EventOrder, EventsInAnyNumberAndOrderEndTheSame)
{
    use_by_default("dedicated");
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
            EXPECT_EQ(domain(number).running->pins.vcpus.size(), 2U) << number;
            const auto& image = host_.images.at(FakeHost::uuid(number));
            EXPECT_EQ(image.live.value_or(PinSet{}), PinSet{}) << number << ": those are ours";
            EXPECT_EQ(image.config.value_or(PinSet{}), PinSet{}) << number << ": those are ours";
        }
        expect_settled();
        expect_nothing_left_for_another();
    }
}

} // namespace
} // namespace virtpind::test
