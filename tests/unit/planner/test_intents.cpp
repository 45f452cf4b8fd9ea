// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/planner/intents.hpp"
#include "tests/support/cpu_sets.hpp"
#include "tests/support/reasons.hpp"

#include <gtest/gtest.h>

namespace virtpind::test {
namespace {

const DomainUuid uuid{"6695eb01-f6a4-8304-79aa-97f2502e193f"};

// Four CPUs on two nodes and a device on node 1.
Topology small_host()
{
    Topology host;
    host.kinds = {Kind{}};
    for (std::uint32_t i = 0; i < 4; ++i) {
        host.cpus.push_back({.id = CpuId{i}, .core = CoreIndex{i}, .node = NodeIndex{i / 2}});
    }
    host.nodes = {{.id = NodeId{0}, .cpus = cpus("0-1"), .memory_kib = 1024},
                  {.id = NodeId{1}, .cpus = cpus("2-3"), .memory_kib = 1024}};
    host.devices = {
        {.address = "0000:01:00.0", .cpus = cpus("2-3"), .nodes = NodeSet{NodeId{1}}},
        {.address = "0000:02:00.0", .cpus = cpus("0-3"), .nodes = NodeSet{NodeId{0}, NodeId{1}}}};
    return host;
}

ObservedDomain domain(std::optional<int> id)
{
    ObservedDomain seen;
    seen.facts.uuid = uuid;
    seen.facts.name = "web1";
    seen.facts.id = id;
    seen.facts.vcpus_max = 2;
    seen.facts.vcpus_online = VcpuSet::range(0, 1);
    seen.definition = {.pins = PinSet{}};
    if (id) {
        seen.running = {.pins = PinSet{}};
    }
    return seen;
}

ObservedDomain pinned(ObservedDomain seen)
{
    seen.definition->pins.vcpus[VcpuId{0}] = cpus("1");
    if (seen.running) {
        seen.running->pins.vcpus[VcpuId{0}] = cpus("1");
    }
    return seen;
}

ObservedDomain with_metadata(ObservedDomain seen, std::string name)
{
    seen.facts.metadata.content = PolicySpec{.name = std::move(name), .options = {}};
    return seen;
}

class Intents : public testing::Test {
protected:
    Decision decide(const ObservedDomain& seen,
                    IntentInput::Look look = IntentInput::Look::later) const
    {
        auto decisions = decide_intents({.config = config_,
                                         .topology = host_,
                                         .domains = {seen},
                                         .histories = {{uuid, memory_}},
                                         .look = look});
        EXPECT_EQ(decisions.size(), 1U);
        return decisions.at(0);
    }

    Topology host_ = small_host();
    Config config_;
    DomainHistory memory_;
};

TEST_F(Intents, NobodysVmChangesUntilItsOwnerSaysSo)
{
    const auto decision = decide(domain(1));
    EXPECT_EQ(decision.stance, Stance::hands_off);
    EXPECT_FALSE(decision.restore);
    EXPECT_EQ(decision.policy.source, PolicySource::default_policy);
}

TEST_F(Intents, PinsOfSomebodyElseAreForeignUnlessThePolicyIsExplicit)
{
    EXPECT_EQ(decide(pinned(domain(1))).stance, Stance::foreign);
    EXPECT_EQ(decide(with_metadata(pinned(domain(1)), "dedicated")).stance, Stance::managed);
    config_.default_policy = "shared";
    EXPECT_EQ(decide(pinned(domain(1))).stance, Stance::foreign);
    EXPECT_EQ(decide(domain(1)).stance, Stance::managed);
    config_.domains["web1"] = PolicySpec{.name = "dedicated", .options = {}};
    EXPECT_EQ(decide(pinned(domain(1))).stance, Stance::managed);
    config_.domains["web1"] = PolicySpec{.name = "none", .options = {}};
    EXPECT_EQ(decide(pinned(domain(1))).stance, Stance::foreign);
}

TEST_F(Intents, OurOwnPinsAreTakenBackWhenNoPolicyWantsThem)
{
    memory_.touched = true;
    const auto decision = decide(pinned(domain(1)));
    EXPECT_EQ(decision.stance, Stance::hands_off);
    EXPECT_TRUE(decision.restore);
    EXPECT_FALSE(decide(with_metadata(pinned(domain(1)), "dedicated")).restore);
}

TEST_F(Intents, PolicyByDefaultGivesPinsOfSomebodyElseBack)
{
    config_.default_policy = "auto";
    memory_.touched = true;
    const auto ours = pinned(domain(1));
    EXPECT_EQ(decide(ours).stance, Stance::managed) << "there was nothing to give back";

    memory_.before = pinned(domain(1)).running->pins;
    const auto decision = decide(ours);
    EXPECT_EQ(decision.stance, Stance::hands_off);
    EXPECT_TRUE(decision.restore);
    EXPECT_EQ(decide(with_metadata(ours, "dedicated")).stance, Stance::managed);

    memory_.before.vcpus[VcpuId{0}] = host_.online_cpus();
    EXPECT_EQ(decide(ours).stance, Stance::managed) << "pins on all CPUs are nobody's";
}

TEST_F(Intents, HighestLayerNamesThePolicy)
{
    config_.domains[uuid.str()] = PolicySpec{.name = "shared", .options = {}};
    EXPECT_EQ(decide(domain(1)).policy.source, PolicySource::config);
    auto seen = with_metadata(domain(1), "dedicated");
    EXPECT_EQ(decide(seen).policy.policy.placement, Placement::dedicated);
    memory_.runtime_policy = PolicySpec{.name = "none", .options = {}};
    EXPECT_EQ(decide(seen).policy.source, PolicySource::bus);
    EXPECT_EQ(decide(seen).stance, Stance::hands_off);
}

TEST_F(Intents, UnreadableMetadataLeavesTheDomainAloneAndSaysWhy)
{
    auto seen = pinned(domain(1));
    seen.facts.metadata.content =
        Error{.code = Errc::invalid_policy, .message = "attribute 'smtt'"};
    const auto decision = decide(seen);
    EXPECT_EQ(decision.stance, Stance::broken);
    ASSERT_TRUE(decision.unreadable);
    EXPECT_EQ(decision.unreadable->message, "attribute 'smtt'");
    ASSERT_FALSE(decision.intent.why.empty());
    EXPECT_EQ(decision.intent.why[0].code, ReasonCode::metadata_unreadable);
}

TEST_F(Intents, HoldWinsOverPolicy)
{
    memory_.hold_reason = "benchmark";
    EXPECT_EQ(decide(with_metadata(domain(1), "dedicated")).stance, Stance::held);
}

TEST_F(Intents, NewcomersArriveAndThoseInPlaceRun)
{
    const auto seen = with_metadata(pinned(domain(7)), "dedicated");
    EXPECT_EQ(decide(seen).intent.activity, Activity::arriving);
    EXPECT_EQ(decide(with_metadata(domain(std::nullopt), "dedicated")).intent.activity,
              Activity::dormant);
    memory_.touched = true;
    EXPECT_EQ(decide(seen, IntentInput::Look::first).intent.activity, Activity::running);
    memory_.placed_policy = decide(seen).policy.policy;
    memory_.placed_id = 7;
    EXPECT_EQ(decide(seen).intent.activity, Activity::running);
    memory_.placed_id = 6;
    EXPECT_EQ(decide(seen).intent.activity, Activity::arriving);
}

TEST_F(Intents, PinsOfSomebodyElseOrOfAnotherPolicyDoNotHoldADomain)
{
    const auto seen = with_metadata(pinned(domain(7)), "dedicated");
    EXPECT_EQ(decide(seen, IntentInput::Look::first).intent.activity, Activity::arriving);
    memory_.touched = true;
    memory_.placed_id = 7;
    memory_.placed_policy = Policy{.name = "shared", .placement = Placement::shared};
    EXPECT_EQ(decide(seen).intent.activity, Activity::arriving);
}

TEST_F(Intents, LockedMemoryIsWhereThePinsAre)
{
    auto seen = with_metadata(pinned(domain(7)), "dedicated");
    EXPECT_TRUE(decide(seen).intent.memory_nodes.empty());
    seen.facts.memory_locked = true;
    EXPECT_EQ(decide(seen).intent.memory_nodes, NodeSet{NodeId{0}});
}

TEST_F(Intents, CellsBoundToNodesTellWhereTheMemoryIs)
{
    auto seen = domain(7);
    seen.running->pins.numatune =
        NumaTune{.cells = {{0, NodeSet{NodeId{0}}}, {1, NodeSet{NodeId{1}}}}};
    const auto intent = decide(seen).intent;
    EXPECT_EQ(intent.memory_nodes, (NodeSet{NodeId{0}, NodeId{1}}));
    EXPECT_TRUE(intent.has_memory);
    EXPECT_FALSE(decide(domain(std::nullopt)).intent.has_memory);
}

TEST_F(Intents, StanceIsTheSameWhetherADomainRunsOrIsShutOff)
{
    const auto decision = decide(pinned(domain(std::nullopt)));
    EXPECT_EQ(decision.stance, Stance::foreign);
    EXPECT_EQ(decision.intent.stance, Stance::foreign);
    EXPECT_EQ(decision.intent.activity, Activity::dormant);
    auto seen = domain(std::nullopt);
    seen.facts.metadata.content = Error{.code = Errc::invalid_policy, .message = "smtt"};
    EXPECT_EQ(decide(seen).intent.stance, Stance::broken);
}

TEST_F(Intents, DevicesBringTheirNodesUnlessTheyAreNearAll)
{
    auto seen = with_metadata(domain(1), "auto");
    seen.facts.pci_devices = {"0000:01:00.0", "0000:02:00.0", "0000:99:00.0"};
    const auto decision = decide(seen);
    EXPECT_EQ(decision.policy.policy.placement, Placement::dedicated);
    ASSERT_EQ(decision.intent.devices.size(), 3U);
    EXPECT_EQ(decision.intent.devices[0].nodes, NodeSet{NodeId{1}});
    EXPECT_TRUE(decision.intent.devices[1].nodes.empty());
    EXPECT_TRUE(decision.intent.devices[2].nodes.empty());
    ASSERT_EQ(decision.intent.why.size(), 2U);
    EXPECT_TRUE(says(decision.intent.why, ReasonCode::auto_chosen,
                     {{"passed_through", "PCI device 0000:01:00.0 and 2 more"}}));
    EXPECT_TRUE(
        says(decision.intent.why, ReasonCode::device_unknown, {{"device", "0000:99:00.0"}}));
}

TEST_F(Intents, ADeviceBehindAMediatedOneCountsAndIsNear)
{
    auto seen = with_metadata(domain(1), "auto");
    EXPECT_EQ(decide(seen).policy.policy.placement, Placement::shared);
    EXPECT_TRUE(says(decide(seen).intent.why, ReasonCode::auto_chosen, {{"passed_through", ""}}));
    seen.facts.indirect_devices = {{.kind = IndirectDevice::Kind::mediated,
                                    .id = "11111111-2222-3333-4444-555555555555",
                                    .parent = "0000:01:00.0"}};
    auto decision = decide(seen);
    EXPECT_EQ(decision.policy.policy.placement, Placement::dedicated);
    EXPECT_EQ(decision.intent.devices.at(0).nodes, NodeSet{NodeId{1}});
    EXPECT_TRUE(says(decision.intent.why, ReasonCode::auto_chosen,
                     {{"passed_through", "mediated device 11111111-2222-3333-4444-555555555555"}}));
    seen.facts.indirect_devices[0].parent.clear(); // nobody tells
    decision = decide(seen);
    EXPECT_EQ(decision.policy.policy.placement, Placement::dedicated);
    EXPECT_TRUE(decision.intent.devices.at(0).nodes.empty());
    EXPECT_EQ(decision.intent.why.size(), 1U) << "no PCI address that could be unknown";
}

TEST_F(Intents, WhatAutoChoseIsToldOnlyWhereItIsInForce)
{
    config_.default_policy = "auto";
    const auto foreign = decide(pinned(domain(1)));
    EXPECT_EQ(foreign.stance, Stance::foreign);
    EXPECT_TRUE(foreign.intent.why.empty());
    EXPECT_EQ(decide(with_metadata(domain(1), "shared")).intent.why.size(), 0U);
}

TEST_F(Intents, DevicesThatTheHostHasNotAreNamedOncePerDevice)
{
    auto seen = with_metadata(domain(1), "dedicated");
    seen.facts.pci_devices = {"0000:99:00.0", "0000:99:00.1", "0000:98:00.3"};
    auto why = decide(seen).intent.why;
    ASSERT_EQ(why.size(), 2U);
    EXPECT_EQ(why[0], (Reason{ReasonCode::device_unknown, {{"device", "0000:98:00.3"}}}));
    EXPECT_EQ(why[1],
              (Reason{ReasonCode::device_unknown, {{"device", "0000:99:00 (functions 0, 1)"}}}));
    host_.devices.clear();
    why = decide(seen).intent.why;
    ASSERT_EQ(why.size(), 1U);
    EXPECT_EQ(why[0],
              (Reason{ReasonCode::device_unknown,
                      {{"devices", NameList{"0000:98:00.3", "0000:99:00 (functions 0, 1)"}}}}));
}

TEST_F(Intents, WhatOnlyOneGuestCanHaveIsNamed)
{
    auto seen = domain(std::nullopt);
    seen.facts.pci_devices = {"0000:02:00.0", "0000:01:00.0", "0000:02:00.0"};
    const auto intent = make_intent(seen, {}, host_, {});
    EXPECT_EQ(intent.exclusive,
              (std::vector<std::string>{"PCI device 0000:01:00.0", "PCI device 0000:02:00.0"}));
    EXPECT_TRUE(intent.shut_off);
    seen.facts.id = 7;
    EXPECT_FALSE(make_intent(seen, {}, host_, {}).shut_off);
}

TEST_F(Intents, DefaultHugepageSizeIsTheHosts)
{
    auto seen = domain(1);
    EXPECT_FALSE(make_intent(seen, {}, host_, {}).hugepage_kib);
    seen.facts.hugepage_kib = 0;
    EXPECT_EQ(make_intent(seen, {}, host_, {}).hugepage_kib, 2048U);
    host_.nodes[0].hugepages = {{.page_kib = 65536}, {.page_kib = 1048576}};
    EXPECT_EQ(make_intent(seen, {}, host_, {}).hugepage_kib, 65536U);
}

} // namespace
} // namespace virtpind::test
