// SPDX-License-Identifier: LGPL-2.1-or-later
// Before-images of domains that come and go: which are kept, forgotten and made way for.
#if defined(__GNUC__) && !defined(__clang__)
// g++ 14 takes what an optional variant holds for uninitialized where it inlines the copy.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "daemon/reconcile/bus_views.hpp"
#include "daemon/reconcile/original_states.hpp"
#include "tests/support/spine.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace virtpind::test {
namespace {

// Taken from its metadata, it is nowhere else: that may be gone when the domain comes back.
TEST(BeforeImages, OneThatIsNotSavedYetIsKeptWhileItsDomainIsOutOfReach)
{
    FakeHost host;
    BeforeImages images{host, "boot", {}, "/state"};
    const auto uuid = FakeHost::uuid(1);
    DomainRecord record;
    record.seen = host.add(1, "web", 1, std::nullopt);
    record.before = BeforeImage{.uuid = uuid, .name = "web", .config = PinSet{}};
    record.unsaved = true;
    images.detach(record);
    EXPECT_FALSE(record.before.has_value());

    Records records;
    auto& again = records[uuid];
    again.seen = host.domains.at(uuid);
    images.attach(again, uuid);
    ASSERT_TRUE(again.before.has_value());
    EXPECT_TRUE(again.unsaved) << "it is not on disk";
    auto saved = false;
    std::vector<DomainActions> actions(1);
    actions.front().uuid = uuid;
    images.save(
        records, std::move(actions), [](const auto&, const auto&) {},
        [&saved](const auto&) { saved = true; });
    host.answer_all();
    EXPECT_TRUE(saved);
    EXPECT_TRUE(host.images.contains(uuid));
}

TEST_F(ReconcilerTest, BeforeImageOfAnUndefinedDomainIsForgottenOfAnUnseenOneKept)
{
    host_.add(1, "web1", 4, 1);
    host_.add(2, "web2", 4, 2);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    ASSERT_TRUE(set_policy(2, "dedicated"));
    auto hidden = host_.domains.extract(FakeHost::uuid(2));
    host_.domains.erase(FakeHost::uuid(1));
    changed(1, "undefined");
    EXPECT_EQ(host_.images.size(), 1U);
    host_.domains.insert(std::move(hidden));
    changed(2, "defined");
    EXPECT_TRUE(record(2).before);
}

TEST_F(ReconcilerTest, BeforeImagesOfTransientDomainsGoWithThem)
{
    use_by_default("dedicated");
    connect();
    for (int number = 1; number <= 50; ++number) {
        add_transient(host_, number, number);
        changed(number, "started");
        EXPECT_EQ(host_.images.size(), 1U);
        host_.domains.erase(FakeHost::uuid(number));
        changed(number, "stopped");
    }
    EXPECT_TRUE(host_.images.empty());
}

// The list was taken before the domain ended, or after it; the answer comes after the event.
TEST_F(ReconcilerTest, EventBetweenAListAndItsAnswerIsNotLost)
{
    use_by_default("dedicated");
    connect();
    for (const auto is_listed : {true, false}) {
        add_transient(host_, 1, 1);
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
TEST_F(ReconcilerTest, EventAfterTheObservationThatMissedTheDomainIsNotLost)
{
    use_by_default("dedicated");
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
TEST_F(ReconcilerTest, BeforeImageOfATransientDomainStaysUntilItsEndIsToldOf)
{
    use_by_default("dedicated");
    connect();
    add_transient(host_, 1, 1);
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

TEST_F(ReconcilerTest, BeforeImageOfADomainThatIsUndefinedWhileItRunsGoesWithIt)
{
    host_.add(1, "web1", 2, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    domain(1).facts.persistent = false;
    domain(1).definition.reset();
    changed(1, "undefined");
    EXPECT_EQ(host_.images.size(), 1U) << "it still runs";
    host_.domains.erase(FakeHost::uuid(1));
    changed(1, "stopped");
    EXPECT_TRUE(host_.images.empty());
}

TEST_F(ReconcilerTest, TransientDomainThatIsMadePersistentGetsItsDefinitionBackToo)
{
    auto& domain = add_transient(host_, 1, 1);
    domain.running->pins.emulator = CpuSet::range(4, 5);
    use_by_default("dedicated");
    connect();
    EXPECT_FALSE(host_.images.at(FakeHost::uuid(1)).config);
    PinSet defined;
    defined.emulator = CpuSet::range(6, 7);
    domain.facts.persistent = true;
    domain.definition = {.pins = defined};
    changed(1, "defined");
    EXPECT_EQ(domain.definition->pins.vcpus.size(), 2U);
    const auto& image = host_.images.at(FakeHost::uuid(1));
    EXPECT_EQ(image.config, defined);
    EXPECT_EQ(image.live->emulator, CpuSet::range(4, 5)) << "as it was at first";
    use_by_default("none");
    host_.answer_all();
    EXPECT_EQ(domain.definition_pins(), defined);
    EXPECT_EQ(domain.running->pins.emulator, CpuSet::range(4, 5));
    EXPECT_TRUE(host_.images.empty());
}

TEST_F(ReconcilerTest, TransientDomainThatRestartsBetweenTwoObservationsHasAnotherBeforeImage)
{
    add_transient(host_, 1, 1).running->pins.emulator = CpuSet::range(4, 5);
    use_by_default("dedicated");
    connect();
    host_.domains.clear();
    add_transient(host_, 1, 2).running->pins.emulator = CpuSet::range(6, 7);
    reconciler_.on_event(DomainChanged{
        .uuid = FakeHost::uuid(1), .what = "stopped", .kind = DomainChanged::Kind::ended});
    changed(1, "started");
    ASSERT_EQ(host_.images.size(), 1U);
    EXPECT_EQ(host_.images.at(FakeHost::uuid(1)).id, 2);
    EXPECT_EQ(host_.images.at(FakeHost::uuid(1)).live->emulator, CpuSet::range(6, 7));
    host_.domains.clear();
    add_transient(host_, 1, 3);
    use_by_default("none");
    host_.answer_all();
    EXPECT_TRUE(host_.images.empty()) << "nobody touched this run";
}

TEST_F(ReconcilerTest, BeforeImagesOfTransientDomainsOfAnotherBootAreForgotten)
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

TEST_F(ReconcilerTest, ManyBeforeImagesAreForgottenInOneJob)
{
    for (int number = 1; number <= 200; ++number) {
        host_.add(number, "web" + std::to_string(number), 1, number);
    }
    use_by_default("shared");
    connect();
    EXPECT_EQ(host_.images.size(), 200U);
    use_by_default("none");
    host_.answer_all();
    EXPECT_TRUE(host_.images.empty());
    EXPECT_EQ(host_.forget_jobs, 1);
}

TEST_F(ReconcilerTest, BeforeImageThatCannotBeRemovedIsTriedAgainUnlessItIsNeededAgain)
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

TEST_F(ReconcilerTest, ManyBeforeImagesOfDomainsThatAreNotThereAreAProblem)
{
    for (const std::size_t count : {64U, 65U}) {
        Reconciler later{loop_, host_, "boot", unseen_images(count), "/state/domains"};
        start(later, host_, Config{}, *reconciler_.topology());
        const auto problems = make_manager_view(later.state()).problems;
        ASSERT_EQ(problems.size(), count - 64U);
        if (problems.empty()) {
            continue;
        }
        EXPECT_EQ(problems[0].code, "BeforeImagesUnseen");
        EXPECT_NE(problems[0].text.find("of 65 domains"), std::string::npos);
        EXPECT_NE(problems[0].text.find("/state/domains"), std::string::npos);
        host_.add(1000, "back", 1, std::nullopt);
        later.on_event(DomainChanged{.uuid = FakeHost::uuid(1000), .what = "defined"});
        host_.answer_all();
        EXPECT_TRUE(make_manager_view(later.state()).problems.empty()) << "one of them came back";
    }
}

TEST_F(ReconcilerTest, BeforeImageOfAMissingDomainMakesWayForOneOfAPresentDomain)
{
    const auto found = unseen_images(2);
    host_.images = found;
    host_.images_max = 3;
    host_.images_by_age = {FakeHost::uuid(5), FakeHost::uuid(1001), FakeHost::uuid(1000)};
    for (int number = 1; number <= 4; ++number) {
        host_.add(number, "web" + std::to_string(number), 1, number);
    }
    Reconciler later{loop_, host_, "boot", found};
    start(later, host_, reconciler_.config(), *reconciler_.topology());
    const auto kept = [this](int number) { return host_.images.contains(FakeHost::uuid(number)); };
    host_.before_apply = [&] {
        EXPECT_TRUE(kept(1) && kept(2) && kept(3)) << "each that is touched";
        host_.before_apply = nullptr;
    };
    later.on_config(config_with_default("dedicated"));
    host_.answer_all();
    EXPECT_FALSE(kept(1001));
    EXPECT_FALSE(kept(1000)) << "the younger one went, too";
    EXPECT_EQ(later.find(FakeHost::uuid(3))->state, PinState::pinned);
    const auto& refused = *later.find(FakeHost::uuid(4));
    ASSERT_TRUE(refused.error) << "none is left that could go";
    EXPECT_EQ(refused.error->code, Errc::not_persisted);
    EXPECT_EQ(host_.images.size(), host_.images_max);
}

TEST_F(ReconcilerTest, OldestOfTheUnneededBeforeImagesMakesWayFirst)
{
    const auto found = unseen_images(3);
    host_.images = found;
    host_.images_max = 3;
    host_.images_by_age = {FakeHost::uuid(1001), FakeHost::uuid(1000), FakeHost::uuid(1002)};
    host_.add(1, "web1", 1, 1);
    Reconciler later{loop_, host_, "boot", found};
    start(later, host_, config_with_default("dedicated"), *reconciler_.topology());
    EXPECT_TRUE(host_.images.contains(FakeHost::uuid(1)));
    EXPECT_FALSE(host_.images.contains(FakeHost::uuid(1001)));
    EXPECT_EQ(host_.images.size(), 3U);
}

} // namespace
} // namespace virtpind::test
