// SPDX-License-Identifier: LGPL-2.1-or-later
// LibvirtClient on libvirt's built-in test driver, in this process. A second connection of the test
// plays virsh: test:///default is one host for all connections of a process.
#include "daemon/libvirt/client.hpp"
#include "daemon/libvirt/error.hpp"
#include "daemon/libvirt/pin_calls.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>

namespace virtpind::host {
namespace {

using namespace std::chrono_literals;

CpuSet cpus(std::string_view text)
{
    return *CpuSet::parse(text);
}

const DomainUuid web1{"11111111-2222-3333-4444-555555555555"};

std::string domain_xml(const std::string& inside)
{
    return "<domain type='test'><name>web1</name><uuid>" + web1.str() +
           "</uuid><memory unit='KiB'>65536</memory><vcpu current='2'>4</vcpu>"
           "<iothreads>1</iothreads>" +
           inside + "<os><type>hvm</type></os></domain>";
}

class LibvirtHostTest : public testing::Test {
protected:
    void SetUp() override
    {
        auto pattern = (std::filesystem::temp_directory_path() / "virtpind-host-XXXXXX").native();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        dir_ = pattern;
        start("test:///default");
    }

    void TearDown() override
    {
        host_.reset();
        std::filesystem::remove_all(dir_);
    }

    void start(const std::string& uri)
    {
        host_.emplace(loop_, LibvirtClient::Settings{.uri = uri, .state_dir = dir_},
                      PolicyCatalog{},
                      [this](LibvirtEvent event) { events_.push_back(std::move(event)); });
    }

    // Runs the main loop until `done`; false after ten seconds.
    bool wait_until(const std::function<bool()>& done)
    {
        const auto deadline = std::chrono::steady_clock::now() + 10s;
        while (!done()) {
            if (std::chrono::steady_clock::now() > deadline) {
                return false;
            }
            EXPECT_GE(sd_event_run(loop_.raw(), 100'000), 0);
        }
        return true;
    }

    template <class T>
    T answer_of(const std::function<void(std::function<void(T)>)>& ask)
    {
        std::optional<T> answer;
        ask([&answer](T value) { answer = std::move(value); });
        EXPECT_FALSE(answer) << "answered before the call returned";
        if (!wait_until([&answer] { return answer.has_value(); })) {
            throw std::runtime_error{"no answer"};
        }
        return std::move(*answer);
    }

    template <class Event>
    [[nodiscard]] const Event* find_event() const
    {
        for (const auto& event : events_) {
            if (const auto* found = std::get_if<Event>(&event)) {
                return found;
            }
        }
        return nullptr;
    }

    [[nodiscard]] bool heard(const std::string& what) const
    {
        return std::any_of(events_.begin(), events_.end(), [&what](const LibvirtEvent& event) {
            const auto* change = std::get_if<DomainChanged>(&event);
            return change != nullptr && change->uuid == web1 && change->what == what;
        });
    }

    void connect()
    {
        host_->connect();
        ASSERT_TRUE(wait_until([this] { return find_event<LibvirtConnected>() != nullptr; }));
        outside_.reset(virConnectOpen("test:///default"));
        ASSERT_TRUE(outside_);
    }

    // A running and persistent domain, defined by somebody else.
    virDomainPtr connect_and_run(const std::string& inside)
    {
        connect();
        domain_.reset(virDomainDefineXML(outside_.get(), domain_xml(inside).c_str()));
        EXPECT_TRUE(domain_) << last_error().message;
        EXPECT_EQ(virDomainCreate(domain_.get()), 0) << last_error().message;
        return domain_.get();
    }

    ObservedDomain observed(const DomainUuid& uuid)
    {
        const auto observation = answer_of<Result<Observation>>(
            [this](auto done) { host_->observe(ObserveDepth::affinities, std::move(done)); });
        EXPECT_TRUE(observation) << (observation ? "" : observation.error().message);
        for (const auto& domain : observation->domains) {
            if (domain.facts.uuid == uuid) {
                return domain;
            }
        }
        ADD_FAILURE() << uuid.str() << " is not there";
        return {};
    }

    Outcome applied(const DomainActions& actions)
    {
        auto outcomes = answer_of<std::vector<Outcome>>(
            [this, &actions](auto done) { host_->apply({actions}, std::move(done)); });
        EXPECT_EQ(outcomes.size(), 1U);
        return outcomes.at(0);
    }

    Result<void> stored(const std::optional<PolicySpec>& policy)
    {
        return answer_of<Result<void>>(
            [this, &policy](auto done) { host_->store_policy(web1, policy, std::move(done)); });
    }

    DomainActions actions_now()
    {
        return {.uuid = web1, .name = "web1", .id = observed(web1).facts.id};
    }

    std::filesystem::path dir_;
    loop::EventLoop loop_ = *loop::EventLoop::create();
    std::vector<LibvirtEvent> events_;
    std::optional<LibvirtClient> host_;
    ConnectionHandle outside_;
    DomainHandle domain_;
};

TEST_F(LibvirtHostTest, ConnectsAndObserves)
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
    ASSERT_TRUE(test.live && test.config);
    EXPECT_TRUE(test.live->vcpus.empty());
}

TEST_F(LibvirtHostTest, AnswersWithoutAConnection)
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

TEST_F(LibvirtHostTest, KeepsTryingToConnect)
{
    const auto node = dir_ / "node.xml";
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

TEST_F(LibvirtHostTest, DomainsThatComeAndGoAreHeardOf)
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
    EXPECT_FALSE(off.live);
    EXPECT_TRUE(off.config);
    EXPECT_EQ(virDomainUndefine(domain_.get()), 0);
    EXPECT_TRUE(wait_until([this] { return heard("undefined"); }));
}

TEST_F(LibvirtHostTest, AppliesLiveAndInTheDefinitionAndReadsBack)
{
    connect_and_run("<cputune><shares>2048</shares><vcpupin vcpu='3' cpuset='15'/></cputune>");
    auto actions = actions_now();
    actions.live = {PinVcpu{VcpuId{0}, cpus("2")}, PinVcpu{VcpuId{1}, cpus("10")},
                    PinEmulator{cpus("0")}, PinIothread{IothreadId{1}, cpus("0,8")}};
    DefinitionChange change;
    change.pins.vcpus = {{VcpuId{0}, cpus("2")}, {VcpuId{1}, cpus("10")}};
    change.pins.emulator = cpus("0");
    actions.definition = change;

    const auto outcome = applied(actions);
    EXPECT_TRUE(outcome.errors.empty()) << outcome.errors[0].message;
    EXPECT_TRUE(outcome.differs.empty()) << outcome.differs[0];
    EXPECT_FALSE(outcome.gone);
    EXPECT_EQ(outcome.applied, 5U);
    ASSERT_TRUE(outcome.after && outcome.after->live && outcome.after->config);
    EXPECT_EQ(outcome.after->live->vcpus.at(VcpuId{1}), cpus("10"));
    EXPECT_EQ(outcome.after->live->iothreads.at(IothreadId{1}), cpus("0,8"));
    EXPECT_EQ(outcome.after->config->emulator, cpus("0"));
    EXPECT_EQ(outcome.after->config->vcpus.at(VcpuId{3}), cpus("15")); // not ours, not touched
    const MallocString text{virDomainGetXMLDesc(domain_.get(), VIR_DOMAIN_XML_INACTIVE)};
    EXPECT_NE(std::string_view{text.get()}.find("<shares>2048</shares>"), std::string::npos);
}

TEST_F(LibvirtHostTest, ADefinitionThatAlreadySaysSoIsNotWrittenAgain)
{
    connect_and_run("<cputune><emulatorpin cpuset='0'/></cputune>");
    ASSERT_TRUE(wait_until([this] { return heard("started"); }));
    events_.clear();
    auto actions = actions_now();
    actions.definition = DefinitionChange{};
    actions.definition->pins.emulator = cpus("0");
    const auto outcome = applied(actions);
    EXPECT_EQ(outcome.applied, 0U);
    EXPECT_TRUE(outcome.errors.empty());
    // An event that is sure to come after any that the call might have caused.
    EXPECT_EQ(virDomainSuspend(domain_.get()), 0);
    ASSERT_TRUE(wait_until([this] { return heard("suspended"); }));
    EXPECT_FALSE(heard("defined"));
}

TEST_F(LibvirtHostTest, ReplacingTheDefinitionGivesBackWhatWasThere)
{
    connect_and_run("<cputune><vcpupin vcpu='1' cpuset='5'/></cputune>");
    const auto before = *observed(web1).config;
    auto actions = actions_now();
    actions.definition = DefinitionChange{};
    actions.definition->pins.vcpus = {{VcpuId{0}, cpus("1")}, {VcpuId{1}, cpus("2")}};
    actions.definition->pins.numatune = NumaTune{.nodes = *NodeSet::parse("1")};
    const auto pinned = applied(actions);
    ASSERT_TRUE(pinned.errors.empty()) << pinned.errors[0].message;
    EXPECT_TRUE(pinned.differs.empty()) << pinned.differs[0];
    EXPECT_NE(observed(web1).config, before);

    actions.definition = DefinitionChange{.mode = DefinitionChange::Mode::replace, .pins = before};
    const auto restored = applied(actions);
    EXPECT_TRUE(restored.errors.empty()) << restored.errors[0].message;
    EXPECT_TRUE(restored.differs.empty()) << restored.differs[0];
    EXPECT_EQ(observed(web1).config, before);
}

TEST_F(LibvirtHostTest, RefusalsAreReportedAndTheRestIsTried)
{
    connect_and_run("");
    auto actions = actions_now();
    actions.live = {PinVcpu{VcpuId{9}, cpus("1")}, PinVcpu{VcpuId{0}, {}},
                    PinIothread{IothreadId{7}, cpus("1")}, PinVcpu{VcpuId{1}, cpus("3")}};
    const auto outcome = applied(actions);
    EXPECT_EQ(outcome.applied, 1U);
    ASSERT_EQ(outcome.errors.size(), 3U);
    EXPECT_EQ(outcome.errors[0].native_code, 8); // VIR_ERR_INVALID_ARG
    EXPECT_EQ(outcome.errors[0].message.find("while pinning vCPU 9 to 1 for web1: "), 0U)
        << outcome.errors[0].message;
    EXPECT_NE(outcome.errors[0].message.find("'9'"), std::string::npos);
    ASSERT_TRUE(outcome.after);
    EXPECT_EQ(outcome.after->live->vcpus.at(VcpuId{1}), cpus("3"));
    ASSERT_EQ(outcome.differs.size(), 3U);
    EXPECT_EQ(outcome.differs[0], "vCPU 9 of web1 is on no pin of its own instead of 1");
}

TEST_F(LibvirtHostTest, AnotherRunOfADomainIsNotTouched)
{
    connect_and_run("");
    auto actions = actions_now();
    actions.live = {PinVcpu{VcpuId{0}, cpus("3")}};
    ASSERT_EQ(virDomainDestroy(domain_.get()), 0);
    EXPECT_TRUE(applied(actions).gone);
    ASSERT_EQ(virDomainCreate(domain_.get()), 0);
    const auto outcome = applied(actions);
    EXPECT_TRUE(outcome.gone);
    EXPECT_TRUE(outcome.errors.empty());
    EXPECT_TRUE(observed(web1).live->vcpus.empty());

    actions.uuid = DomainUuid{"99999999-2222-3333-4444-555555555555"};
    EXPECT_TRUE(applied(actions).gone);
}

TEST_F(LibvirtHostTest, MemoryOfARunningDomainMovesOnlyInModeRestrictive)
{
    connect_and_run("<numatune><memory mode='strict' nodeset='0'/></numatune>");
    auto actions = actions_now();
    actions.live = {SetNuma{NumaTune{.nodes = *NodeSet::parse("1")}}};
    const auto outcome = applied(actions);
    // The test driver moves it all the same; that the mode is another one is seen on reading back.
    ASSERT_EQ(outcome.differs.size(), 1U);
    EXPECT_EQ(outcome.differs[0],
              "the memory of web1 is on node 1 (strict) instead of node 1 (restrictive)");
}

TEST_F(LibvirtHostTest, PolicyIsStoredShownAndRemoved)
{
    connect_and_run("<metadata><a:b xmlns:a='https://example.org/a'/></metadata>");
    const PolicySpec policy{.name = "dedicated", .options = {{"smt", std::string{"isolate"}}}};
    const auto stored_once = stored(policy);
    ASSERT_TRUE(stored_once) << stored_once.error().message;
    EXPECT_TRUE(wait_until([this] { return heard("metadata"); }));
    const auto content = observed(web1).facts.metadata.content;
    ASSERT_TRUE(content && content->ok());
    EXPECT_EQ(content->value(), policy);
    for (const auto flags : {0U, static_cast<unsigned>(VIR_DOMAIN_XML_INACTIVE)}) {
        const MallocString text{virDomainGetXMLDesc(domain_.get(), flags)};
        const std::string_view xml{text.get()};
        EXPECT_NE(xml.find("<virtpind:policy xmlns:virtpind=\"https://virtpind.org/policy/1\""),
                  std::string_view::npos)
            << xml;
        EXPECT_NE(xml.find("https://example.org/a"), std::string_view::npos);
    }
    ASSERT_TRUE(stored(std::nullopt));
    EXPECT_FALSE(observed(web1).facts.metadata.content);
    const auto unknown = answer_of<Result<void>>([this, &policy](auto done) {
        host_->store_policy(DomainUuid{"99999999-2222-3333-4444-555555555555"}, policy,
                            std::move(done));
    });
    EXPECT_EQ(unknown.error().code, Errc::not_found);
}

TEST_F(LibvirtHostTest, WhatADriverLacksIsUnsupported)
{
    connect();
    EXPECT_EQ(virNodeSuspendForDuration(outside_.get(), VIR_NODE_SUSPEND_TARGET_MEM, 60, 0), -1);
    EXPECT_EQ(last_error().code, Errc::unsupported);
}

TEST_F(LibvirtHostTest, TransientDomainsKeepTheirPolicyWhileTheyRun)
{
    connect();
    domain_.reset(virDomainCreateXML(outside_.get(), domain_xml("").c_str(), 0));
    ASSERT_TRUE(domain_) << last_error().message;
    ASSERT_TRUE(stored(PolicySpec{.name = "shared"}));
    const auto domain = observed(web1);
    EXPECT_FALSE(domain.facts.persistent);
    EXPECT_FALSE(domain.config);
    ASSERT_TRUE(domain.facts.metadata.content && domain.facts.metadata.content->ok());
    EXPECT_EQ(domain.facts.metadata.content->value().name, "shared");
}

TEST_F(LibvirtHostTest, NamesOfPoliciesComeFromTheCatalog)
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

TEST_F(LibvirtHostTest, PinsReachCpusThatLibvirtDoesNotCount)
{
    connect_and_run("");
    auto actions = actions_now();
    actions.live = {PinVcpu{VcpuId{0}, cpus("200,1023")}, PinEmulator{cpus("40")}};
    const auto outcome = applied(actions);
    EXPECT_TRUE(outcome.errors.empty()) << outcome.errors[0].message;
    EXPECT_TRUE(outcome.differs.empty()) << outcome.differs[0];
}

TEST_F(LibvirtHostTest, DroppedEventsAreMadeUpFor)
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
TEST_F(LibvirtHostTest, LossesThatNobodyHasLookedAtAreBounded)
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

TEST_F(LibvirtHostTest, BeforeImagesAreOnDiskWhenAnswered)
{
    const BeforeImage image{.uuid = web1, .name = "web1", .boot_id = "b", .config = PinSet{}};
    ASSERT_TRUE(answer_of<Result<void>>(
        [this, &image](auto done) { host_->save_before_image(image, std::move(done)); }));
    EXPECT_EQ(host_->load_before_images().images.at(web1).name, "web1");
    ASSERT_TRUE(answer_of<Result<void>>(
        [this](auto done) { host_->forget_before_images({web1}, std::move(done)); }));
    EXPECT_TRUE(host_->load_before_images().images.empty());
}

TEST_F(LibvirtHostTest, RefusesMoreThanItCanQueueAndAnswersAll)
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

TEST_F(LibvirtHostTest, CallersHoweverManyDoNotKeepAPassFromBeingMade)
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

// As when it powers off between the look and the call: libvirt answers with the definition then.
TEST(CallLive, MemoryOfADomainThatHasEndedIsNotAsked)
{
    const auto connection = VirtConnection::open_deaf("test:///default");
    ASSERT_TRUE(connection);
    const DomainHandle domain{
        virDomainDefineXML((*connection)->raw(), domain_xml("<numatune/>").c_str())};
    ASSERT_TRUE(domain);
    const auto refused =
        call_live(**connection, domain.get(), SetNuma{.numatune = {.nodes = NodeSet{NodeId{0}}}});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::not_found);
    virDomainUndefine(domain.get());
}

TEST_F(LibvirtHostTest, EndsWithCallsUnderWay)
{
    connect();
    for (int i = 0; i < 20; ++i) {
        host_->observe(ObserveDepth::affinities,
                       [](const Result<Observation>& /*unused*/) { FAIL(); });
    }
    host_.reset();
}

} // namespace
} // namespace virtpind::host
