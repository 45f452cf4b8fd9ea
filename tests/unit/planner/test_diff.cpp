// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/model/parts.hpp"
#include "daemon/planner/diff.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace virtpind {
namespace {

CpuSet cpus(std::string_view text)
{
    return *CpuSet::parse(text);
}

const CpuSet online = cpus("0-7");

ObservedDomain running_domain()
{
    ObservedDomain seen;
    seen.facts.uuid = DomainUuid{"6695eb01-f6a4-8304-79aa-97f2502e193f"};
    seen.facts.name = "web1";
    seen.facts.id = 4;
    seen.facts.state = RunState::running;
    seen.facts.vcpus_max = 4;
    seen.facts.vcpus_online = VcpuSet::range(0, 1);
    seen.facts.iothreads = {IothreadId{1}};
    seen.live = PinSet{};
    seen.config = PinSet{};
    return seen;
}

DomainPlan plan_for_two()
{
    DomainPlan plan;
    plan.placement = Placement::dedicated;
    plan.vcpus = {{VcpuId{0}, cpus("2")},
                  {VcpuId{1}, cpus("6")},
                  {VcpuId{2}, cpus("2,6")},
                  {VcpuId{3}, cpus("2,6")}};
    plan.emulator = cpus("0,4");
    plan.iothreads = {{IothreadId{1}, cpus("0,4")}};
    return plan;
}

// What libvirt would show once `actions` are applied.
ObservedDomain applied(ObservedDomain seen, const DomainActions& actions)
{
    for (const auto& action : actions.live) {
        if (const auto* vcpu = std::get_if<PinVcpu>(&action)) {
            seen.live->vcpus[vcpu->vcpu] = vcpu->cpus;
            if (seen.actual_vcpus && seen.facts.vcpus_online.contains(vcpu->vcpu)) {
                (*seen.actual_vcpus)[vcpu->vcpu] = vcpu->cpus;
            }
        } else if (const auto* emulator = std::get_if<PinEmulator>(&action)) {
            seen.live->emulator = emulator->cpus;
        } else if (const auto* iothread = std::get_if<PinIothread>(&action)) {
            seen.live->iothreads[iothread->iothread] = iothread->cpus;
        } else if (const auto* numa = std::get_if<SetNuma>(&action)) {
            seen.live->numatune = numa->numatune;
        } else if (const auto* plug = std::get_if<PlugVcpu>(&action)) {
            seen.facts.vcpus_online.insert(plug->vcpu);
        } else {
            seen.facts.vcpus_online.erase(std::get<UnplugVcpu>(action).vcpu);
        }
    }
    if (actions.definition) {
        const auto& pins = actions.definition->pins;
        if (actions.definition->mode == DefinitionChange::Mode::replace) {
            seen.config = pins;
        }
        for (const auto& [id, set] : pins.vcpus) {
            seen.config->vcpus[id] = set;
        }
        for (const auto& [id, set] : pins.iothreads) {
            seen.config->iothreads[id] = set;
        }
        if (pins.emulator) {
            seen.config->emulator = pins.emulator;
        }
        if (pins.numatune) {
            seen.config->numatune = pins.numatune;
        }
    }
    return seen;
}

DiffInput input_for(const ObservedDomain& seen)
{
    return {.seen = seen, .online = online, .abilities = {}};
}

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
    seen.live->vcpus[VcpuId{1}] = cpus("3");
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
    seen.actual_vcpus = {{VcpuId{0}, cpus("2")}, {VcpuId{1}, cpus("0-7")}};
    const auto actions = diff(input_for(seen), plan_for_two());
    ASSERT_EQ(actions.live.size(), 1U);
    EXPECT_EQ(std::get<PinVcpu>(actions.live[0]).vcpu, VcpuId{1});
}

TEST(Diff, FallbackMasksCountAsPins)
{
    auto seen = running_domain();
    seen.live->vcpu_cpuset = cpus("2,6");
    auto plan = plan_for_two();
    plan.vcpus = {{VcpuId{0}, cpus("2,6")}};
    plan.emulator = cpus("2,6");
    plan.iothreads = {{IothreadId{1}, cpus("2,6")}};
    EXPECT_TRUE(diff(input_for(seen), plan).live.empty());

    seen.live->vcpu_cpuset.reset(); // then every online CPU, however it is written
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
    seen.live->numatune = NumaTune{.mode = NumaMode::restrictive, .nodes = NodeSet{NodeId{0}}};
    EXPECT_TRUE(moves(seen));
    EXPECT_FALSE(moves(seen, {.live_numatune = false}));
    seen.live->numatune->mode = NumaMode::strict;
    EXPECT_FALSE(moves(seen));
    seen.live->numatune->mode = NumaMode::restrictive;
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
    seen.live->emulator = plan.emulator;
    const auto actions = diff(input_for(seen), plan);
    std::vector<std::string> order;
    for (const auto& action : actions.live) {
        if (!std::holds_alternative<PinVcpu>(action) &&
            !std::holds_alternative<PinIothread>(action)) {
            order.push_back(describe(action));
        }
    }
    EXPECT_EQ(order, (std::vector<std::string>{"pinning the emulator to 2,6", "plugging vCPU 2",
                                               "pinning the emulator to 0,4"}));
    plan.plug = {};
    EXPECT_TRUE(diff(input_for(applied(seen, actions)), plan).live.empty());
}

// The running domain has its vCPUs by other numbers than it will have from its next start on.
TEST(Diff, DefinitionIsPinnedByItsOwnNumbers)
{
    auto seen = running_domain();
    seen.cpus = CpuDefinition{.vcpus_max = 4, .enabled = {VcpuId{0}, VcpuId{2}}};
    seen.facts.vcpus_boot = seen.cpus->enabled;
    const auto actions = diff(input_for(seen), plan_for_two());
    const std::map<VcpuId, CpuSet> expected{{VcpuId{0}, cpus("2")}, {VcpuId{2}, cpus("6")}};
    EXPECT_EQ(actions.definition->pins.vcpus, expected);
}

BeforeImage image_of(const ObservedDomain& seen)
{
    return {.uuid = seen.facts.uuid,
            .name = "web1",
            .id = 4,
            .boot_id = "boot",
            .live = seen.live,
            .config = seen.config,
            .parts = pin_parts(*seen.config)};
}

DiffInput restore_input(const ObservedDomain& seen, const BeforeImage& before)
{
    auto input = input_for(seen);
    input.before = &before;
    return input;
}

TEST(Diff, DefinitionPinsOnlyIothreadsAndCellsThatItHas)
{
    auto seen = running_domain();
    auto plan = plan_for_two();
    plan.iothreads = {{IothreadId{1}, cpus("2")}, {IothreadId{7}, cpus("2")}};
    seen.facts.iothreads = {IothreadId{1}, IothreadId{7}};
    seen.facts.iothreads_boot = {IothreadId{1}};
    seen.cpus.emplace();
    seen.cpus->cells = {GuestCell{.id = 0}};
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
    seen.cpus.emplace();
    seen.cpus->cells = {GuestCell{.id = 0}, GuestCell{.id = 1}};
    seen.cpus->parts = {{"cpu/numa", "ours"}};
    BeforeImage before{.config = PinSet{}, .parts = {}};
    before.note_written({}, seen.cpus->parts);
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

TEST(DiffRestore, SameRunGetsItsLivePinsBackAndTheDefinitionItsOwn)
{
    auto before_seen = running_domain();
    before_seen.live->vcpus[VcpuId{0}] = cpus("1");
    before_seen.config->vcpus[VcpuId{0}] = cpus("3");
    auto before = image_of(before_seen);
    const auto seen = applied(before_seen, diff(input_for(before_seen), plan_for_two()));
    before.note_written(before.parts, pin_parts(*seen.config));

    const auto actions = diff_restore(restore_input(seen, before), online, "boot");
    const auto back = applied(seen, actions);
    EXPECT_EQ(back.live->vcpus.at(VcpuId{0}), cpus("1"));
    EXPECT_EQ(back.live->vcpus.at(VcpuId{1}), online);
    EXPECT_EQ(back.live->emulator, online);
    EXPECT_EQ(*back.config, *before.config);
    EXPECT_TRUE(diff_restore(restore_input(back, before), online, "boot").empty());
}

TEST(DiffRestore, LaterRunGetsWhatTheDefinitionWouldHaveGiven)
{
    auto before_seen = running_domain();
    before_seen.live->vcpus[VcpuId{0}] = cpus("1");
    before_seen.config->vcpu_cpuset = cpus("4-5");
    before_seen.config->vcpus[VcpuId{1}] = cpus("3");
    auto before = image_of(before_seen);
    auto seen = applied(before_seen, diff(input_for(before_seen), plan_for_two()));
    const auto expect_definition = [&before](const ObservedDomain& later, std::string_view boot) {
        const auto back = applied(later, diff_restore(restore_input(later, before), online, boot));
        EXPECT_EQ(back.live->vcpus.at(VcpuId{0}), cpus("4-5"));
        EXPECT_EQ(back.live->vcpus.at(VcpuId{1}), cpus("3"));
        EXPECT_EQ(back.live->emulator, cpus("4-5"));
    };
    expect_definition(seen, "another boot");
    seen.facts.id = 5;
    expect_definition(seen, "boot");
}

// CPU 7 is offline and machine.slice was narrowed to 0-3: nothing can run elsewhere any more.
TEST(DiffRestore, LivePinsGoNoFurtherThanTheCpusThatMayBeUsedNow)
{
    auto before_seen = running_domain();
    before_seen.live->vcpus[VcpuId{0}] = cpus("1,5,7");
    before_seen.live->vcpus[VcpuId{1}] = cpus("7");
    const auto before = image_of(before_seen);
    const auto usable = cpus("0-3");
    auto seen = applied(before_seen, diff(input_for(before_seen), plan_for_two()));
    seen.config = before.config;
    auto input = restore_input(seen, before);
    input.online = cpus("0-6");

    const auto back = applied(seen, diff_restore(input, usable, "boot"));
    EXPECT_EQ(back.live->vcpus.at(VcpuId{0}), cpus("1"));
    EXPECT_EQ(back.live->vcpus.at(VcpuId{1}), usable);
    EXPECT_EQ(back.live->emulator, usable);

    // What the kernel makes of pins that nobody changed is no difference.
    before_seen.actual_vcpus = {{VcpuId{0}, cpus("1")}, {VcpuId{1}, usable}};
    auto untouched = restore_input(before_seen, before);
    untouched.online = cpus("0-6");
    const auto actions = diff_restore(untouched, usable, "boot");
    ASSERT_EQ(actions.live.size(), 1U);
    EXPECT_EQ(std::get<PinVcpu>(actions.live.front()).vcpu, VcpuId{1})
        << "it has no CPU of its own";
}

TEST(DiffRestore, MemoryThatWasNotBoundMayBeAnywhereAgain)
{
    const auto before = image_of(running_domain());
    auto seen = running_domain();
    seen.live->numatune = NumaTune{.mode = NumaMode::restrictive, .nodes = NodeSet{NodeId{1}}};
    auto input = restore_input(seen, before);
    input.memory_nodes = NodeSet{NodeId{0}, NodeId{1}};
    const auto actions = diff_restore(input, online, "boot");
    ASSERT_EQ(actions.live.size(), 1U);
    EXPECT_EQ(std::get<SetNuma>(actions.live.front()).numatune.nodes, input.memory_nodes);

    seen.live->numatune->nodes = input.memory_nodes;
    EXPECT_TRUE(diff_restore(input, online, "boot").live.empty());
    seen.live->numatune = NumaTune{.mode = NumaMode::strict, .nodes = NodeSet{NodeId{1}}};
    EXPECT_TRUE(diff_restore(input, online, "boot").live.empty()) << "libvirt cannot";
}

TEST(DiffRestore, WhatWasEditedBeforeItWasOursGoesBackToTheEdit)
{
    auto seen = running_domain();
    seen.cpus.emplace();
    seen.cpus->vcpus_max = 2;
    seen.cpus->parts = {{"vcpu", "2"}, {"cpu/topology", "one"}};
    BeforeImage before{.config = PinSet{}, .vcpus_max = 2, .parts = seen.cpus->parts};
    // Only pins are ours so far; its owner edits the rest.
    before.note_written(seen.cpus->parts,
                        {{"vcpu", "2"}, {"cpu/topology", "one"}, {"vcpupin:0", "3"}});
    seen.cpus->vcpus_max = 4;
    seen.cpus->parts = {{"vcpu", "4"}, {"cpu/topology", "two"}, {"vcpupin:0", "3"}};
    const DefinitionParts next{{"vcpu", "4"}, {"cpu/topology", "three"}, {"vcpupin:0", "5"}};
    before.absorb_foreign_edits(seen, next);
    before.note_written(seen.cpus->parts, next);
    EXPECT_EQ(before.parts.at("cpu/topology"), "two");
    EXPECT_EQ(before.parts.at("vcpu"), "2") << "not about to be changed";
    EXPECT_EQ(before.parts.count("vcpupin:0"), 0U) << "was ours";
    const auto undo = make_undo(before, next);
    EXPECT_EQ(undo.revert, (DefinitionParts{{"vcpupin:0", ""}}))
        << "the shape goes with the vCPUs, whose number is their owner's";
}

TEST(DiffRestore, NothingIsOursInALaterRunOfATransientDomain)
{
    auto seen = running_domain();
    auto before = image_of(seen);
    before.config.reset();
    before.parts.clear();
    seen.config.reset();
    seen.live->emulator = cpus("3");
    EXPECT_FALSE(diff_restore(restore_input(seen, before), online, "boot").empty());
    EXPECT_TRUE(diff_restore(restore_input(seen, before), online, "another boot").empty());
    seen.facts.id = 5;
    EXPECT_TRUE(diff_restore(restore_input(seen, before), online, "boot").empty());
}

TEST(DiffRestore, WhatSomebodyElseChangedSinceStaysAndIsNamed)
{
    auto before_seen = running_domain();
    before_seen.config->emulator = cpus("7");
    auto before = image_of(before_seen);
    auto seen = applied(before_seen, diff(input_for(before_seen), plan_for_two()));
    before.note_written(before.parts, pin_parts(*seen.config));
    seen.config->vcpus[VcpuId{1}] = cpus("5");
    seen.config->vcpu_cpuset = cpus("1-5");

    const auto actions = diff_restore(restore_input(seen, before), online, "boot");
    ASSERT_TRUE(actions.definition);
    PinSet expected;
    expected.emulator = cpus("7");
    expected.vcpus = {{VcpuId{1}, cpus("5")}};
    expected.vcpu_cpuset = cpus("1-5");
    EXPECT_EQ(actions.definition->pins, expected);
    EXPECT_EQ(actions.not_reverted, (std::vector<std::string>{"cputune/vcpupin:1", "vcpu@cpuset"}));
}

// Each of these would be refused by libvirt if only what is ours went back.
TEST(MakeUndo, PartsThatGoTogetherStayTogether)
{
    BeforeImage before;
    before.parts = {{"vcpu", "4"}, {"cpu", "there"}, {"cpu@mode", "host-model"}};
    DefinitionParts ours{{"vcpu", "12"},
                         {"cpu", "there"},
                         {"cpu/topology", "1x6x2"},
                         {"cpu/numa", "2 cells"},
                         {"numatune", "restrictive 0-1 0:0 1:1"},
                         {"cpu@mode", "host-passthrough"},
                         {"cpu@migratable", "off"},
                         {"os/smbios", "host"}};
    before.note_written(before.parts, ours);
    EXPECT_EQ(make_undo(before, ours).revert.size(), 7U);

    auto edited = ours;
    edited["cpu/topology"] = "2x6x1";
    auto undo = make_undo(before, edited);
    EXPECT_EQ(
        undo.revert,
        (DefinitionParts{{"cpu@mode", "host-model"}, {"cpu@migratable", ""}, {"os/smbios", ""}}));
    EXPECT_EQ(undo.not_reverted,
              (std::vector<std::string>{"cpu/topology", "cpu/numa (goes with cpu/topology)",
                                        "numatune (goes with cpu/topology)",
                                        "vcpu (goes with cpu/topology)"}));

    edited = ours;
    edited["cpu@migratable"] = "on";
    undo = make_undo(before, edited);
    EXPECT_EQ(undo.revert.count("cpu@mode"), 0U);
    EXPECT_EQ(undo.revert.count("cpu/topology"), 1U);
    EXPECT_EQ(undo.not_reverted,
              (std::vector<std::string>{"cpu@migratable", "cpu@mode (goes with cpu@migratable)"}));

    edited["cpu@migratable"] = ""; // as it was: nobody's edit to keep
    EXPECT_TRUE(make_undo(before, edited).not_reverted.empty());
}

// A crash leaves open whether the last thing noted was written.
TEST(DiffRestore, KnowsItsOwnAfterACrashBetweenNotingAndWriting)
{
    auto before_seen = running_domain();
    auto before = image_of(before_seen);
    const auto first = applied(before_seen, diff(input_for(before_seen), plan_for_two()));
    before.note_written(before.parts, pin_parts(*first.config));
    auto next = first;
    next.config->vcpus[VcpuId{0}] = cpus("1");
    before.note_written(pin_parts(*first.config), pin_parts(*next.config));

    for (const auto& seen : {first, next}) {
        const auto actions = diff_restore(restore_input(seen, before), online, "boot");
        EXPECT_TRUE(actions.not_reverted.empty());
        EXPECT_EQ(actions.definition->pins, PinSet{});
    }
}

// A write that failed leaves nothing behind that hides what a later one has written.
TEST(BeforeImage, WhatIsInForceStaysOursWhenALaterWriteFails)
{
    const DefinitionParts original{};
    const DefinitionParts first{{"vcpupin", "0-1"}};
    const DefinitionParts second{{"vcpupin", "0"}};
    BeforeImage image;
    image.note_written(original, first);
    image.note_written(original, original); // it was refused: that is what came of it
    image.note_written(original, first);    // and now it was taken
    image.note_written(first, second);      // and this one was not
    EXPECT_TRUE(image.is_ours(first, "vcpupin"));
    EXPECT_EQ(make_undo(image, first).revert, (DefinitionParts{{"vcpupin", ""}}));
}

} // namespace
} // namespace virtpind
