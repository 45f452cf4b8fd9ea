// SPDX-License-Identifier: LGPL-2.1-or-later
// How LibvirtClient connects, observes, hears of changes and queues, on libvirt's test driver.
#include "tests/support/cpu_sets.hpp"
#include "tests/support/libvirt_client_test.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>
#include <string>

namespace virtpind::test {
namespace {

using namespace std::chrono_literals;

TEST_F(LibvirtClientTest, ConnectsAndObserves)
{
    connect();
    EXPECT_EQ(find_event<LibvirtConnected>()->uri, "test:///default");
    EXPECT_EQ(find_event<LibvirtConnected>()->driver, "TEST");
    const auto observation = answer_of<Result<Observation>>(
        [this](auto done) { host_->observe(ObserveDepth::definitions, std::move(done)); });
    ASSERT_TRUE(observation) << observation.error().message;
    EXPECT_FALSE(observation->abilities.pin_offline_vcpus);
    EXPECT_FALSE(observation->abilities.real_affinities);
    ASSERT_EQ(observation->domains.size(), 1U);
    const auto& test = observation->domains[0];
    EXPECT_EQ(test.facts.name, "test");
    EXPECT_EQ(test.facts.state, RunState::running);
    EXPECT_EQ(test.facts.id, 1);
    EXPECT_EQ(test.facts.vcpus_online.str(), "0-1");
    ASSERT_TRUE(test.running && test.definition);
    EXPECT_TRUE(test.running->pins.vcpus.empty());
}

TEST_F(LibvirtClientTest, AnswersWithoutAConnection)
{
    const auto observation = answer_of<Result<Observation>>(
        [this](auto done) { host_->observe(ObserveDepth::definitions, std::move(done)); });
    ASSERT_FALSE(observation);
    EXPECT_EQ(observation.error().code, Errc::host_unavailable);
    const auto outcome = applied({.uuid = web1, .name = "web1", .id = 3});
    ASSERT_EQ(outcome.errors.size(), 1U);
    EXPECT_EQ(outcome.errors[0].code, Errc::host_unavailable);
    EXPECT_EQ(outcome.id, 3);
}

TEST_F(LibvirtClientTest, KeepsTryingToConnect)
{
    const auto node = folder_.path() / "node.xml";
    start("test://" + node.native());
    host_->connect();
    ASSERT_TRUE(wait_until([this] { return find_event<LibvirtLost>() != nullptr; }));
    const auto& why = find_event<LibvirtLost>()->why;
    EXPECT_EQ(why.code, Errc::host_unavailable);
    EXPECT_NE(why.message.find("node.xml"), std::string::npos) << why.message;
    EXPECT_NE(why.native_code, 0);
    std::ofstream{node} << "<node><cpu><active>64</active><sockets>2</sockets><cores>16</cores>"
                           "<threads>2</threads></cpu><memory>1048576</memory></node>";
    ASSERT_TRUE(wait_until([this] { return find_event<LibvirtConnected>() != nullptr; }));
}

TEST_F(LibvirtClientTest, DomainsThatComeAndGoAreHeardOf)
{
    connect_and_run("");
    EXPECT_TRUE(wait_until([this] { return heard("defined") && heard("started"); }));
    EXPECT_EQ(virDomainSuspend(domain_.get()), 0);
    EXPECT_TRUE(wait_until([this] { return heard("suspended"); }));
    EXPECT_EQ(observed(web1).facts.state, RunState::paused);
    EXPECT_EQ(virDomainDestroy(domain_.get()), 0);
    EXPECT_TRUE(wait_until([this] { return heard("stopped"); }));
    const auto off = observed(web1);
    EXPECT_EQ(off.facts.state, RunState::shutoff);
    EXPECT_FALSE(off.running);
    EXPECT_TRUE(off.definition);
    EXPECT_EQ(virDomainUndefine(domain_.get()), 0);
    EXPECT_TRUE(wait_until([this] { return heard("undefined"); }));
}

TEST_F(LibvirtClientTest, NamesOfPoliciesComeFromTheCatalog)
{
    connect_and_run("<metadata><p:policy xmlns:p='https://virtpind.org/policy/1' "
                    "name='gaming'/></metadata>");
    const auto unknown = observed(web1).facts.metadata.content;
    ASSERT_TRUE(unknown && !unknown->ok());
    EXPECT_NE(unknown->error().message.find("gaming"), std::string::npos);
    PolicyCatalog catalog;
    ASSERT_TRUE(catalog.add("gaming", "dedicated", {}));
    host_->set_catalog(std::move(catalog));
    const auto known = observed(web1).facts.metadata.content;
    ASSERT_TRUE(known && known->ok());
    EXPECT_EQ(known->value().name, "gaming");
}

TEST_F(LibvirtClientTest, DroppedEventsAreMadeUpFor)
{
    connect_and_run("");
    std::vector<LibvirtEvent> heard_events;
    VirtEvents events{
        loop_, [&heard_events](LibvirtEvent event) { heard_events.push_back(std::move(event)); },
        [](const ConnectionLoss& /*loss*/) {}};
    constexpr std::size_t posted = 3000;
    for (std::size_t i = 0; i < posted; ++i) {
        events.domain_changed(domain_.get(), "tunable");
    }
    EXPECT_TRUE(wait_until([&heard_events] {
        return std::any_of(heard_events.begin(), heard_events.end(), [](const LibvirtEvent& event) {
            return std::holds_alternative<EventsOverflowed>(event);
        });
    }));
    const auto dropped =
        std::count_if(heard_events.begin(), heard_events.end(), [](const LibvirtEvent& event) {
            return std::holds_alternative<EventsOverflowed>(event);
        });
    EXPECT_EQ(dropped, 1) << "however many they were";
    EXPECT_EQ(heard_events.size(), 1024U + 1) << "and those that there was room for";
    events.domain_changed(domain_.get(), "tunable");
    EXPECT_TRUE(wait_until([&heard_events] { return heard_events.size() > 1025; }));
    EXPECT_TRUE(std::holds_alternative<DomainChanged>(heard_events.back()));
}

// A further one says nothing that those do not: the connection is lost.
TEST_F(LibvirtClientTest, LossesThatNobodyHasReadAreBounded)
{
    std::size_t losses = 0;
    VirtEvents events{loop_, [](const LibvirtEvent& /*event*/) {},
                      [&losses](const ConnectionLoss& /*loss*/) { ++losses; }};
    for (int i = 0; i < 10; ++i) {
        events.connection_lost(ConnectionNumber{1}, VIR_CONNECT_CLOSE_REASON_EOF);
    }
    EXPECT_TRUE(wait_until([&losses] { return losses > 0; }));
    EXPECT_EQ(losses, 4U);
}

TEST_F(LibvirtClientTest, BeforeImagesAreOnDiskWhenAnswered)
{
    const BeforeImage image{.uuid = web1, .name = "web1", .boot_id = "b", .config = PinSet{}};
    ASSERT_TRUE(answer_of<Result<void>>(
        [this, &image](auto done) { host_->save_before_image(image, std::move(done)); }));
    EXPECT_EQ(host_->load_before_images().images.at(web1).name, "web1");
    ASSERT_TRUE(answer_of<Result<void>>(
        [this](auto done) { host_->forget_before_images({web1}, std::move(done)); }));
    EXPECT_TRUE(host_->load_before_images().images.empty());
}

TEST_F(LibvirtClientTest, RefusesMoreThanItCanQueueAndAnswersAll)
{
    connect();
    std::size_t answered = 0;
    std::size_t refused = 0;
    constexpr std::size_t asked = 100;
    for (std::size_t i = 0; i < asked; ++i) {
        host_->observe(ObserveDepth::definitions, [&](const Result<Observation>& observation) {
            ++answered;
            refused += observation ? 0U : 1U;
        });
    }
    EXPECT_TRUE(wait_until([&answered] { return answered == asked; }));
    EXPECT_EQ(refused, asked - LibvirtClient::own_calls_max);
}

TEST_F(LibvirtClientTest, ManyCallersDoNotKeepAPassFromBeingMade)
{
    connect();
    std::size_t answered = 0;
    std::size_t refused = 0;
    constexpr std::size_t asked = LibvirtClient::callers_calls_max + 10;
    for (std::size_t i = 0; i < asked; ++i) {
        host_->store_policy(web1, std::nullopt, [&](const Result<void>& stored) {
            ++answered;
            refused += !stored && stored.error().code == Errc::limits_exceeded ? 1U : 0U;
        });
    }
    const auto seen = answer_of<Result<Observation>>(
        [this](auto done) { host_->observe(ObserveDepth::definitions, std::move(done)); });
    EXPECT_TRUE(seen);
    EXPECT_TRUE(wait_until([&answered] { return answered == asked; }));
    EXPECT_EQ(refused, 10U);
}

TEST_F(LibvirtClientTest, EndsWithCallsUnderWay)
{
    connect();
    for (int i = 0; i < 20; ++i) {
        host_->observe(ObserveDepth::affinities,
                       [](const Result<Observation>& /*unused*/) { FAIL(); });
    }
    host_.reset();
}

} // namespace
} // namespace virtpind::test
