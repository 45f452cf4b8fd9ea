// SPDX-License-Identifier: LGPL-2.1-or-later
// What has to change so that a domain is as its plan says.
#include "tests/support/diff_case.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace virtpind::test {
namespace {

TEST(Diff, EveryThreadLiveAndInTheDefinitionThenNothing)
{
    const auto seen = running_domain();
    const auto actions = diff(input_for(seen), plan_for_two());
    EXPECT_EQ(actions.id, 4);
    EXPECT_EQ(actions.live.size(), 6U);
    ASSERT_TRUE(actions.definition);
    EXPECT_EQ(actions.definition->pins.vcpus.size(), 4U);
    EXPECT_EQ(actions.definition->pins.emulator, cpus("0,4"));

    const auto after = applied(seen, actions);
    EXPECT_TRUE(diff(input_for(after), plan_for_two()).empty());
}

TEST(Diff, OnlyWhatDiffersIsWritten)
{
    auto seen = running_domain();
    seen = applied(seen, diff(input_for(seen), plan_for_two()));
    seen.running->pins.vcpus[VcpuId{1}] = cpus("3");
    const auto actions = diff(input_for(seen), plan_for_two());
    ASSERT_EQ(actions.live.size(), 1U);
    EXPECT_EQ(std::get<PinVcpu>(actions.live[0]).vcpu, VcpuId{1});
    EXPECT_EQ(std::get<PinVcpu>(actions.live[0]).cpus, cpus("6"));
    EXPECT_FALSE(actions.definition);
}

TEST(Diff, ThreadThatTheKernelKeepsElsewhereIsPinnedAgain)
{
    auto seen = running_domain();
    seen = applied(seen, diff(input_for(seen), plan_for_two()));
    seen.running->affinities = {{VcpuId{0}, cpus("2")}, {VcpuId{1}, cpus("0-7")}};
    const auto actions = diff(input_for(seen), plan_for_two());
    ASSERT_EQ(actions.live.size(), 1U);
    EXPECT_EQ(std::get<PinVcpu>(actions.live[0]).vcpu, VcpuId{1});
}

TEST(Diff, FallbackMasksCountAsPins)
{
    auto seen = running_domain();
    seen.running->pins.vcpu_cpuset = cpus("2,6");
    auto plan = plan_for_two();
    plan.vcpus = {{VcpuId{0}, cpus("2,6")}};
    plan.emulator = cpus("2,6");
    plan.iothreads = {{IothreadId{1}, cpus("2,6")}};
    EXPECT_TRUE(diff(input_for(seen), plan).live.empty());

    seen.running->pins.vcpu_cpuset.reset(); // then every online CPU, however it is written
    plan.vcpus = {{VcpuId{0}, cpus("0-7")}};
    plan.emulator = cpus("0-7");
    plan.iothreads = {{IothreadId{1}, cpus("0-100")}};
    EXPECT_TRUE(diff(input_for(seen), plan).live.empty());
}

TEST(Diff, DriverThatCannotPinUnpluggedVcpusIsNotAsked)
{
    const auto seen = running_domain();
    auto input = input_for(seen);
    input.abilities.pin_offline_vcpus = false;
    const auto actions = diff(input, plan_for_two());
    EXPECT_EQ(actions.live.size(), 4U);
    EXPECT_EQ(actions.definition->pins.vcpus.size(), 4U);
}

TEST(Diff, DeferredRunIsLeftAloneItsDefinitionIsNot)
{
    const auto seen = running_domain();
    auto input = input_for(seen);
    input.live = DiffInput::Live::deferred;
    const auto actions = diff(input, plan_for_two());
    EXPECT_TRUE(actions.live.empty());
    EXPECT_TRUE(actions.definition);
}

TEST(Diff, DefinitionKeepsTheEmulatorWhereItStartsBest)
{
    const auto seen = running_domain();
    auto plan = plan_for_two();
    plan.start_emulator = cpus("2,6");
    const auto actions = diff(input_for(seen), plan);
    EXPECT_EQ(actions.definition->pins.emulator, cpus("2,6"));
    const auto emulator = std::find_if(actions.live.begin(), actions.live.end(), [](const auto& a) {
        return std::holds_alternative<PinEmulator>(a);
    });
    ASSERT_NE(emulator, actions.live.end());
    EXPECT_EQ(std::get<PinEmulator>(*emulator).cpus, cpus("0,4"));
}

TEST(Diff, MemoryMovesLiveOnlyWhereLibvirtCan)
{
    auto plan = plan_for_two();
    plan.numatune = NumaTune{.mode = NumaMode::restrictive, .nodes = NodeSet{NodeId{1}}};
    const auto moves = [&plan](const ObservedDomain& seen, DriverCapabilities abilities = {}) {
        auto input = input_for(seen);
        input.abilities = abilities;
        const auto actions = diff(input, plan);
        return std::any_of(actions.live.begin(), actions.live.end(),
                           [](const auto& a) { return std::holds_alternative<SetNuma>(a); });
    };
    auto seen = running_domain();
    EXPECT_TRUE(moves(seen));
    seen.running->pins.numatune =
        NumaTune{.mode = NumaMode::restrictive, .nodes = NodeSet{NodeId{0}}};
    EXPECT_TRUE(moves(seen));
    EXPECT_FALSE(moves(seen, {.live_numatune = false}));
    seen.running->pins.numatune->mode = NumaMode::strict;
    EXPECT_FALSE(moves(seen));
    seen.running->pins.numatune->mode = NumaMode::restrictive;
    seen.facts.memory_locked = true;
    EXPECT_FALSE(moves(seen));
}

TEST(Diff, PlugsAVcpuAfterItIsPinned)
{
    auto seen = running_domain();
    auto plan = plan_for_two();
    plan.vcpus[VcpuId{2}] = cpus("3");
    plan.plug = {VcpuId{2}};
    const auto actions = diff(input_for(seen), plan).live;
    const auto is_plug = [](const auto& a) { return std::holds_alternative<PlugVcpu>(a); };
    const auto plug = std::find_if(actions.begin(), actions.end(), is_plug);
    ASSERT_NE(plug, actions.end());
    EXPECT_TRUE(std::any_of(actions.begin(), plug, [](const auto& a) {
        const auto* pin = std::get_if<PinVcpu>(&a);
        return pin != nullptr && pin->vcpu == VcpuId{2} && pin->cpus == cpus("3");
    }));
    auto input = input_for(seen);
    input.abilities.hotplug_vcpus = false;
    const auto without = diff(input, plan).live;
    EXPECT_TRUE(std::none_of(without.begin(), without.end(), is_plug));
}

TEST(Diff, PlugsWhereTheCachesAreThoseOfTheVcpus)
{
    auto plan = plan_for_two();
    plan.plug = {VcpuId{2}};
    plan.start_emulator = cpus("2,6");
    auto seen = running_domain();
    seen.running->pins.emulator = plan.emulator;
    const auto actions = diff(input_for(seen), plan);
    std::vector<std::string> order;
    for (const auto& action : actions.live) {
        if (!std::holds_alternative<PinVcpu>(action) &&
            !std::holds_alternative<PinIothread>(action)) {
            order.push_back(describe(action));
        }
    }
    EXPECT_EQ(order, (std::vector<std::string>{"pin the emulator to 2,6", "plug vCPU 2",
                                               "pin the emulator to 0,4"}));
    plan.plug = {};
    EXPECT_TRUE(diff(input_for(applied(seen, actions)), plan).live.empty());
}

// The running domain has its vCPUs by other numbers than it will have from its next start on.
TEST(Diff, DefinitionIsPinnedByItsOwnNumbers)
{
    auto seen = running_domain();
    seen.definition->cpus = CpuDefinition{.vcpus_max = 4, .enabled = {VcpuId{0}, VcpuId{2}}};
    const auto actions = diff(input_for(seen), plan_for_two());
    const std::map<VcpuId, CpuSet> expected{{VcpuId{0}, cpus("2")}, {VcpuId{2}, cpus("6")}};
    EXPECT_EQ(actions.definition->pins.vcpus, expected);
}

TEST(Diff, DefinitionPinsOnlyIothreadsAndCellsThatItHas)
{
    auto seen = running_domain();
    auto plan = plan_for_two();
    plan.iothreads = {{IothreadId{1}, cpus("2")}, {IothreadId{7}, cpus("2")}};
    seen.facts.iothreads = {IothreadId{1}, IothreadId{7}};
    seen.definition->iothreads = {IothreadId{1}};
    seen.definition->cpus.emplace();
    seen.definition->cpus->cells = {GuestCell{.id = 0}};
    plan.numatune = NumaTune{.mode = NumaMode::strict,
                             .nodes = NodeSet{NodeId{0}},
                             .cells = {{0, NodeSet{NodeId{0}}}, {1, NodeSet{NodeId{0}}}}};
    const auto actions = diff(input_for(seen), plan);
    ASSERT_TRUE(actions.definition);
    EXPECT_EQ(actions.definition->pins.iothreads.size(), 1U);
    EXPECT_EQ(actions.definition->pins.numatune->cells.size(), 1U);
    const auto pinned =
        std::count_if(actions.live.begin(), actions.live.end(),
                      [](const auto& one) { return std::holds_alternative<PinIothread>(one); });
    EXPECT_EQ(pinned, 2) << "the running domain has both";
}

// libvirt refuses memory that is bound to cells which are not there.
TEST(Diff, CellsThatGoAreBoundNoMore)
{
    auto seen = running_domain();
    auto plan = plan_for_two();
    seen.definition->cpus.emplace();
    seen.definition->cpus->cells = {GuestCell{.id = 0}, GuestCell{.id = 1}};
    seen.definition->cpus->parts = {{"cpu/numa", "ours"}};
    BeforeImage before{.config = PinSet{}, .parts = {}};
    before.note_written({}, seen.definition->cpus->parts);
    plan.tuning.revert = {{"cpu/numa", ""}};
    plan.numatune = NumaTune{.mode = NumaMode::restrictive,
                             .nodes = {},
                             .cells = {{0, NodeSet{NodeId{0}}}, {1, NodeSet{NodeId{0}}}}};
    auto input = input_for(seen);
    input.before = &before;
    const auto only_cells = diff(input, plan);
    ASSERT_TRUE(only_cells.definition);
    EXPECT_FALSE(only_cells.definition->pins.numatune);
    plan.numatune->nodes = NodeSet{NodeId{0}};
    const auto whole = diff(input, plan);
    EXPECT_TRUE(whole.definition->pins.numatune->cells.empty());
    EXPECT_EQ(whole.definition->pins.numatune->nodes, NodeSet{NodeId{0}});
}

} // namespace
} // namespace virtpind::test
