// SPDX-License-Identifier: LGPL-2.1-or-later
// What LibvirtClient changes, on libvirt's test driver.
#include "daemon/libvirt/pin_calls.hpp"
#include "tests/support/cpu_sets.hpp"
#include "tests/support/libvirt_client_test.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace virtpind::test {
namespace {

TEST_F(LibvirtClientTest, AppliesLiveAndInTheDefinitionAndReadsBack)
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
    ASSERT_TRUE(outcome.after && outcome.after->running && outcome.after->definition);
    EXPECT_EQ(outcome.after->running->pins.vcpus.at(VcpuId{1}), cpus("10"));
    EXPECT_EQ(outcome.after->running->pins.iothreads.at(IothreadId{1}), cpus("0,8"));
    EXPECT_EQ(outcome.after->definition->pins.emulator, cpus("0"));
    EXPECT_EQ(outcome.after->definition->pins.vcpus.at(VcpuId{3}),
              cpus("15")); // not ours, not touched
    const MallocString text{virDomainGetXMLDesc(domain_.get(), VIR_DOMAIN_XML_INACTIVE)};
    EXPECT_NE(std::string_view{text.get()}.find("<shares>2048</shares>"), std::string::npos);
}

TEST_F(LibvirtClientTest, DefinitionThatAlreadySaysSoIsNotWrittenAgain)
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

TEST_F(LibvirtClientTest, ReplacingTheDefinitionGivesBackWhatWasThere)
{
    connect_and_run("<cputune><vcpupin vcpu='1' cpuset='5'/></cputune>");
    const auto before = observed(web1).definition->pins;
    auto actions = actions_now();
    actions.definition = DefinitionChange{};
    actions.definition->pins.vcpus = {{VcpuId{0}, cpus("1")}, {VcpuId{1}, cpus("2")}};
    actions.definition->pins.numatune = NumaTune{.nodes = *NodeSet::parse("1")};
    const auto pinned = applied(actions);
    ASSERT_TRUE(pinned.errors.empty()) << pinned.errors[0].message;
    EXPECT_TRUE(pinned.differs.empty()) << pinned.differs[0];
    EXPECT_NE(observed(web1).definition_pins(), before);

    actions.definition = DefinitionChange{.mode = DefinitionChange::Mode::replace, .pins = before};
    const auto restored = applied(actions);
    EXPECT_TRUE(restored.errors.empty()) << restored.errors[0].message;
    EXPECT_TRUE(restored.differs.empty()) << restored.differs[0];
    EXPECT_EQ(observed(web1).definition_pins(), before);
}

TEST_F(LibvirtClientTest, RefusalsAreReportedAndTheRestIsTried)
{
    connect_and_run("");
    auto actions = actions_now();
    actions.live = {PinVcpu{VcpuId{9}, cpus("1")}, PinVcpu{VcpuId{0}, {}},
                    PinIothread{IothreadId{7}, cpus("1")}, PinVcpu{VcpuId{1}, cpus("3")}};
    const auto outcome = applied(actions);
    EXPECT_EQ(outcome.applied, 1U);
    ASSERT_EQ(outcome.errors.size(), 3U);
    EXPECT_EQ(outcome.errors[0].native_code, 8); // VIR_ERR_INVALID_ARG
    EXPECT_EQ(outcome.errors[0].message.find("Failed to pin vCPU 9 to 1 for web1: "), 0U)
        << outcome.errors[0].message;
    EXPECT_NE(outcome.errors[0].message.find("'9'"), std::string::npos);
    ASSERT_TRUE(outcome.after);
    EXPECT_EQ(outcome.after->running->pins.vcpus.at(VcpuId{1}), cpus("3"));
    ASSERT_EQ(outcome.differs.size(), 3U);
    EXPECT_EQ(outcome.differs[0], "vCPU 9 of web1 is on no pin of its own instead of 1");
}

TEST_F(LibvirtClientTest, AnotherRunOfADomainIsNotTouched)
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
    EXPECT_TRUE(observed(web1).running->pins.vcpus.empty());

    actions.uuid = DomainUuid{"99999999-2222-3333-4444-555555555555"};
    EXPECT_TRUE(applied(actions).gone);
}

TEST_F(LibvirtClientTest, MemoryOfARunningDomainMovesOnlyInModeRestrictive)
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

TEST_F(LibvirtClientTest, PolicyIsStoredShownAndRemoved)
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

TEST_F(LibvirtClientTest, ActionThatADriverLacksIsUnsupported)
{
    connect();
    EXPECT_EQ(virNodeSuspendForDuration(outside_.get(), VIR_NODE_SUSPEND_TARGET_MEM, 60, 0), -1);
    EXPECT_EQ(last_error().code, Errc::unsupported);
}

TEST_F(LibvirtClientTest, TransientDomainsKeepTheirPolicyWhileTheyRun)
{
    connect();
    domain_.reset(virDomainCreateXML(outside_.get(), domain_xml("").c_str(), 0));
    ASSERT_TRUE(domain_) << last_error().message;
    ASSERT_TRUE(stored(PolicySpec{.name = "shared"}));
    const auto domain = observed(web1);
    EXPECT_FALSE(domain.facts.persistent);
    EXPECT_FALSE(domain.definition);
    ASSERT_TRUE(domain.facts.metadata.content && domain.facts.metadata.content->ok());
    EXPECT_EQ(domain.facts.metadata.content->value().name, "shared");
}

TEST_F(LibvirtClientTest, PinsReachCpusThatLibvirtDoesNotCount)
{
    connect_and_run("");
    auto actions = actions_now();
    actions.live = {PinVcpu{VcpuId{0}, cpus("200,1023")}, PinEmulator{cpus("40")}};
    const auto outcome = applied(actions);
    EXPECT_TRUE(outcome.errors.empty()) << outcome.errors[0].message;
    EXPECT_TRUE(outcome.differs.empty()) << outcome.differs[0];
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

} // namespace
} // namespace virtpind::test
