// SPDX-License-Identifier: LGPL-2.1-or-later
// What a domain gets back: how it was, and what others made of it since.
#include "common/model/parts.hpp"
#include "tests/support/diff_case.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace virtpind::test {
namespace {

BeforeImage image_of(const ObservedDomain& seen)
{
    return {.uuid = seen.facts.uuid,
            .name = "web1",
            .id = 4,
            .boot_id = "boot",
            .live = seen.running_pins(),
            .config = seen.definition_pins(),
            .parts = pin_parts(seen.definition->pins)};
}

DiffInput restore_input(const ObservedDomain& seen, const BeforeImage& before)
{
    auto input = input_for(seen);
    input.before = &before;
    return input;
}

TEST(DiffRestore, SameRunGetsItsLivePinsBackAndTheDefinitionItsOwn)
{
    auto before_seen = running_domain();
    before_seen.running->pins.vcpus[VcpuId{0}] = cpus("1");
    before_seen.definition->pins.vcpus[VcpuId{0}] = cpus("3");
    auto before = image_of(before_seen);
    const auto seen = applied(before_seen, diff(input_for(before_seen), plan_for_two()));
    before.note_written(before.parts, pin_parts(seen.definition->pins));

    const auto actions = diff_restore(restore_input(seen, before), online, "boot");
    const auto back = applied(seen, actions);
    EXPECT_EQ(back.running->pins.vcpus.at(VcpuId{0}), cpus("1"));
    EXPECT_EQ(back.running->pins.vcpus.at(VcpuId{1}), online);
    EXPECT_EQ(back.running->pins.emulator, online);
    EXPECT_EQ(back.definition->pins, *before.config);
    EXPECT_TRUE(diff_restore(restore_input(back, before), online, "boot").empty());
}

TEST(DiffRestore, LaterRunGetsWhatTheDefinitionWouldHaveGiven)
{
    auto before_seen = running_domain();
    before_seen.running->pins.vcpus[VcpuId{0}] = cpus("1");
    before_seen.definition->pins.vcpu_cpuset = cpus("4-5");
    before_seen.definition->pins.vcpus[VcpuId{1}] = cpus("3");
    auto before = image_of(before_seen);
    auto seen = applied(before_seen, diff(input_for(before_seen), plan_for_two()));
    const auto expect_definition = [&before](const ObservedDomain& later, std::string_view boot) {
        const auto back = applied(later, diff_restore(restore_input(later, before), online, boot));
        EXPECT_EQ(back.running->pins.vcpus.at(VcpuId{0}), cpus("4-5"));
        EXPECT_EQ(back.running->pins.vcpus.at(VcpuId{1}), cpus("3"));
        EXPECT_EQ(back.running->pins.emulator, cpus("4-5"));
    };
    expect_definition(seen, "another boot");
    seen.facts.id = 5;
    expect_definition(seen, "boot");
}

// CPU 7 is offline and machine.slice was narrowed to 0-3: nothing can run elsewhere any more.
TEST(DiffRestore, LivePinsGoNoFurtherThanTheCpusThatMayBeUsedNow)
{
    auto before_seen = running_domain();
    before_seen.running->pins.vcpus[VcpuId{0}] = cpus("1,5,7");
    before_seen.running->pins.vcpus[VcpuId{1}] = cpus("7");
    const auto before = image_of(before_seen);
    const auto usable = cpus("0-3");
    auto seen = applied(before_seen, diff(input_for(before_seen), plan_for_two()));
    seen.definition->pins = *before.config;
    auto input = restore_input(seen, before);
    input.online = cpus("0-6");

    const auto back = applied(seen, diff_restore(input, usable, "boot"));
    EXPECT_EQ(back.running->pins.vcpus.at(VcpuId{0}), cpus("1"));
    EXPECT_EQ(back.running->pins.vcpus.at(VcpuId{1}), usable);
    EXPECT_EQ(back.running->pins.emulator, usable);

    // What the kernel makes of pins that nobody changed is no difference.
    before_seen.running->affinities = {{VcpuId{0}, cpus("1")}, {VcpuId{1}, usable}};
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
    seen.running->pins.numatune =
        NumaTune{.mode = NumaMode::restrictive, .nodes = NodeSet{NodeId{1}}};
    auto input = restore_input(seen, before);
    input.memory_nodes = NodeSet{NodeId{0}, NodeId{1}};
    const auto actions = diff_restore(input, online, "boot");
    ASSERT_EQ(actions.live.size(), 1U);
    EXPECT_EQ(std::get<SetNuma>(actions.live.front()).numatune.nodes, input.memory_nodes);

    seen.running->pins.numatune->nodes = input.memory_nodes;
    EXPECT_TRUE(diff_restore(input, online, "boot").live.empty());
    seen.running->pins.numatune = NumaTune{.mode = NumaMode::strict, .nodes = NodeSet{NodeId{1}}};
    EXPECT_TRUE(diff_restore(input, online, "boot").live.empty()) << "libvirt cannot";
}

TEST(DiffRestore, WhatWasEditedBeforeItWasOursGoesBackToTheEdit)
{
    auto seen = running_domain();
    seen.definition->cpus.emplace();
    seen.definition->cpus->vcpus_max = 2;
    seen.definition->cpus->parts = {{"vcpu", "2"}, {"cpu/topology", "one"}};
    BeforeImage before{.config = PinSet{}, .vcpus_max = 2, .parts = seen.definition->cpus->parts};
    // Only pins are ours so far; its owner edits the rest.
    before.note_written(seen.definition->cpus->parts,
                        {{"vcpu", "2"}, {"cpu/topology", "one"}, {"vcpupin:0", "3"}});
    seen.definition->cpus->vcpus_max = 4;
    seen.definition->cpus->parts = {{"vcpu", "4"}, {"cpu/topology", "two"}, {"vcpupin:0", "3"}};
    const DefinitionParts next{{"vcpu", "4"}, {"cpu/topology", "three"}, {"vcpupin:0", "5"}};
    before.absorb_foreign_edits(seen, next);
    before.note_written(seen.definition->cpus->parts, next);
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
    seen.definition.reset();
    seen.running->pins.emulator = cpus("3");
    EXPECT_FALSE(diff_restore(restore_input(seen, before), online, "boot").empty());
    EXPECT_TRUE(diff_restore(restore_input(seen, before), online, "another boot").empty());
    seen.facts.id = 5;
    EXPECT_TRUE(diff_restore(restore_input(seen, before), online, "boot").empty());
}

TEST(DiffRestore, WhatSomebodyElseChangedSinceStaysAndIsNamed)
{
    auto before_seen = running_domain();
    before_seen.definition->pins.emulator = cpus("7");
    auto before = image_of(before_seen);
    auto seen = applied(before_seen, diff(input_for(before_seen), plan_for_two()));
    before.note_written(before.parts, pin_parts(seen.definition->pins));
    seen.definition->pins.vcpus[VcpuId{1}] = cpus("5");
    seen.definition->pins.vcpu_cpuset = cpus("1-5");

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
    before.note_written(before.parts, pin_parts(first.definition->pins));
    auto next = first;
    next.definition->pins.vcpus[VcpuId{0}] = cpus("1");
    before.note_written(pin_parts(first.definition->pins), pin_parts(next.definition->pins));

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
} // namespace virtpind::test
