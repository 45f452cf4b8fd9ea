// SPDX-License-Identifier: LGPL-2.1-or-later
// The table of parts, and the editor that makes a whole change in one document: what that says is
// what its text says.
#include "common/model/original_state.hpp"
#include "common/model/parts.hpp"
#include "daemon/domain_xml/definition_editor.hpp"

#include <gtest/gtest.h>

#include <set>

namespace virtpind {
namespace {

constexpr std::string_view definition = R"(<domain type='kvm'>
  <name>web</name>
  <!-- the owner's words: "mixed' quotes -->
  <metadata><a:b xmlns:a='urn:a'/></metadata>
  <memory unit='KiB'>1048576</memory>
  <vcpu placement='auto' current='2'>4</vcpu>
  <iothreads>1</iothreads>
  <cputune><shares>512</shares>
    <vcpupin vcpu="0" cpuset='0-1'/>
    <vcpusched vcpus='0' scheduler='fifo' priority='1'/>
  </cputune>
  <os>
    <type arch='x86_64' machine="pc-q35-7.2">hvm</type>
  </os>
  <cpu mode='host-model' check='partial'>
    <model fallback='allow'/>
  </cpu>
</domain>
)";

// Pins, number, shape, every tune and a note, all at once.
DefinitionChange large_change()
{
    DefinitionChange change;
    change.pins.emulator = CpuSet{CpuId{0}};
    change.pins.iothreads = {{IothreadId{1}, CpuSet{CpuId{1}}}};
    change.pins.numatune = NumaTune{.mode = NumaMode::strict, .nodes = NodeSet{NodeId{0}}};
    change.tuning.cpus =
        GuestCpus{.topology = {.cores = 2, .threads = 2},
                  .pins = {{VcpuId{0}, CpuSet{CpuId{4}}}, {VcpuId{2}, CpuSet{CpuId{5}}}},
                  .cells = {},
                  .numatune = std::nullopt};
    change.tuning.apply = {Tune::cache_passthrough, Tune::topoext,         Tune::invtsc,
                           Tune::no_migrate,        Tune::hide_hypervisor, Tune::host_smbios};
    return change;
}

UndoNote some_note()
{
    UndoNote note;
    note.parts[name_of(DefinitionPart::emulatorpin)] = {.before = "", .ours = {"0"}};
    return note;
}

ObservedDomain seen_in(const std::string& text)
{
    return parse_domain_xml(text, PolicyCatalog{}, XmlKind::config).value();
}

// --- the table ---------------------------------------------------------------------------------

TEST(PartTable, FindsEachPartByItsName)
{
    std::set<std::string> names;
    for (const auto& row : part_table()) {
        EXPECT_EQ(&row_of(row.part), &row);
        const auto name = row.form == PartForm::thread_pins ? name_of(row.part, 3) : row.name;
        EXPECT_EQ(find_part(name), &row) << name;
        EXPECT_TRUE(names.insert(name).second) << name;
    }
    EXPECT_EQ(find_part("cpu@of-tomorrow"), nullptr);
    EXPECT_EQ(find_part(""), nullptr);
}

TEST(PartTable, HasOnePartForEachTune)
{
    std::set<Tune> tunes;
    for (const auto& row : part_table()) {
        EXPECT_TRUE(!row.tune || tunes.insert(row.tune->tune).second) << row.name;
    }
    EXPECT_EQ(tunes, large_change().tuning.apply);
}

TEST(PartTable, PinsOfThreadsShareAName)
{
    const auto pins = parse_thread_pins("cputune/iothreadpin:0-2,5");
    ASSERT_TRUE(pins);
    EXPECT_EQ(pins->part, DefinitionPart::iothreadpin);
    EXPECT_EQ(name_of(*pins), "cputune/iothreadpin:0-2,5");
    for (const auto* name : {"cputune/vcpupin:", "cputune/vcpupin:x", "cputune/emulatorpin",
                             "cpu/feature:topoext", "vcpu"}) {
        EXPECT_FALSE(parse_thread_pins(name)) << name;
    }
}

// --- the editor --------------------------------------------------------------------------------

TEST(DefinitionEditor, GivesBackWhatItWasGiven)
{
    auto editor = DefinitionEditor::open(definition).value();
    EXPECT_EQ(editor.text(), definition);
    ASSERT_TRUE(editor.make({}));
    editor.set_note({});
    editor.drop_empty_metadata();
    EXPECT_EQ(editor.text(), definition);
    EXPECT_FALSE(DefinitionEditor::open("<network/>"));
}

TEST(DefinitionEditor, SaysWhatItsTextSays)
{
    auto editor = DefinitionEditor::open(definition).value();
    const auto before = editor.read().value();
    const auto made = editor.make(large_change());
    ASSERT_TRUE(made) << made.error().message;
    editor.set_note(some_note());
    const auto after = seen_in(editor.text());
    EXPECT_EQ(editor.parts().value(), after.definition->cpus->parts);
    EXPECT_EQ(editor.read().value().definition->cpus, after.definition->cpus);
    EXPECT_EQ(editor.read().value().definition_pins(), after.definition_pins());
    EXPECT_EQ(editor.read().value().definition_note(), some_note());
    EXPECT_TRUE(is_tuned(*after.definition->cpus, after.definition->pins, large_change().tuning));
    EXPECT_NE(after.definition->cpus->parts, before.definition->cpus->parts);
}

TEST(DefinitionEditor, OneDocumentDoesWhatOneForEachStepDoes)
{
    auto change = large_change();
    auto whole = DefinitionEditor::open(definition).value();
    ASSERT_TRUE(whole.make(change));
    whole.set_note(some_note());

    auto pins = DefinitionEditor::open(definition).value();
    ASSERT_TRUE(pins.make({.pins = change.pins}));
    auto tuned = DefinitionEditor::open(pins.text()).value();
    ASSERT_TRUE(tuned.make({.tuning = change.tuning}));
    auto noted = DefinitionEditor::open(tuned.text()).value();
    noted.set_note(some_note());
    EXPECT_EQ(whole.text(), noted.text());
}

TEST(DefinitionEditor, WhatGoesBackGoesBackByteForByte)
{
    const auto before = seen_in(std::string{definition});
    auto editor = DefinitionEditor::open(definition).value();
    ASSERT_TRUE(editor.make(large_change()));
    editor.set_note(some_note());
    const auto now = editor.read().value();
    BeforeImage image{.config = before.definition_pins(), .parts = before.definition->cpus->parts};
    image.note_written(before.definition->cpus->parts, now.definition->cpus->parts);
    const auto undo = make_undo(image, now.definition->cpus->parts);
    EXPECT_TRUE(undo.not_reverted.empty());
    DefinitionChange back{
        .mode = DefinitionChange::Mode::replace,
        .pins = with_pin_parts(now.definition->pins, undo.revert, before.definition->pins)};
    back.tuning.revert = undo.revert;
    ASSERT_TRUE(editor.make(back));
    editor.set_note({});
    EXPECT_EQ(editor.text(), definition);
}

TEST(DefinitionEditor, EmptyMetadataGoes)
{
    constexpr std::string_view with =
        "<domain>\n  <name>a</name>\n  <metadata/>\n  <vcpu>1</vcpu>\n"
        "</domain>\n";
    auto editor = DefinitionEditor::open(with).value();
    editor.drop_empty_metadata();
    EXPECT_EQ(editor.text(), "<domain>\n  <name>a</name>\n  <vcpu>1</vcpu>\n</domain>\n");
}

} // namespace
} // namespace virtpind
