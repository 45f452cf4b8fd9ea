// SPDX-License-Identifier: LGPL-2.1-or-later
// Pins that are written into a definition, and all else that stays.
#include "daemon/domain_xml/definition_editor.hpp"
#include "tests/support/domain_xml_case.hpp"

#include <gtest/gtest.h>

#include <string>

namespace virtpind::test {
namespace {

std::string edited(std::string_view text, const DefinitionChange& change)
{
    auto result = edit_definition(text, change);
    EXPECT_TRUE(result) << (result ? "" : result.error().message);
    return result ? *result : std::string{};
}

std::string replaced(std::string text, std::string_view from, std::string_view to)
{
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

TEST(Definition, NothingToChangeKeepsEveryByte)
{
    DefinitionChange change;
    EXPECT_EQ(edited(win11, change), win11);
    change.pins.vcpus[VcpuId{0}] = cpus("4");
    change.pins.emulator = cpus("0,1");
    change.pins.vcpu_cpuset = cpus("0-1,3-7");
    EXPECT_EQ(edited(win11, change), win11);
}

TEST(Definition, MergeTouchesOnlyWhatDiffers)
{
    DefinitionChange change;
    change.pins.vcpus[VcpuId{1}] = cpus("6");
    change.pins.vcpus[VcpuId{6}] = cpus("7");
    EXPECT_EQ(edited(win11, change),
              replaced(std::string{win11}, "<vcpupin vcpu='6' cpuset='5-6'/>",
                       "<vcpupin vcpu='1' cpuset='6'/>\n    <vcpupin vcpu='6' cpuset='7'/>"));
}

TEST(Definition, AddsElementsWhereLibvirtPutsThem)
{
    const std::string bare = "<domain type=\"kvm\">\n"
                             "  <name>a</name>\n"
                             "  <vcpu>2</vcpu>\n"
                             "  <os/>\n"
                             "</domain>\n";
    DefinitionChange change;
    change.pins.vcpus = {{VcpuId{0}, cpus("1")}, {VcpuId{1}, cpus("3")}};
    change.pins.emulator = cpus("0");
    change.pins.iothreads = {{IothreadId{1}, cpus("0")}};
    change.pins.numatune =
        NumaTune{.mode = NumaMode::strict, .nodes = nodes("0"), .cells = {{0, nodes("0")}}};
    change.pins.vcpu_cpuset = cpus("0-3");
    EXPECT_EQ(edited(bare, change), "<domain type=\"kvm\">\n"
                                    "  <name>a</name>\n"
                                    "  <vcpu cpuset=\"0-3\">2</vcpu>\n"
                                    "  <cputune>\n"
                                    "    <vcpupin vcpu=\"0\" cpuset=\"1\"/>\n"
                                    "    <vcpupin vcpu=\"1\" cpuset=\"3\"/>\n"
                                    "    <emulatorpin cpuset=\"0\"/>\n"
                                    "    <iothreadpin iothread=\"1\" cpuset=\"0\"/>\n"
                                    "  </cputune>\n"
                                    "  <numatune>\n"
                                    "    <memory mode=\"strict\" nodeset=\"0\"/>\n"
                                    "    <memnode cellid=\"0\" mode=\"strict\" nodeset=\"0\"/>\n"
                                    "  </numatune>\n"
                                    "  <os/>\n"
                                    "</domain>\n");
    // And replacing by nothing takes all of it out again.
    EXPECT_EQ(edited(edited(bare, change), {.mode = DefinitionChange::Mode::replace, .pins = {}}),
              bare);
}

TEST(Definition, ReplaceGivesBackWhatWasThere)
{
    const auto before = parsed(win11).definition->pins;
    DefinitionChange planned;
    planned.pins.vcpus = {{VcpuId{0}, cpus("1")}, {VcpuId{3}, cpus("3")}};
    planned.pins.emulator = cpus("2");
    planned.pins.iothreads = {{IothreadId{1}, cpus("0")}};
    planned.pins.numatune = NumaTune{.mode = NumaMode::restrictive, .nodes = nodes("1")};
    const auto pinned = edited(win11, planned);
    EXPECT_EQ(parsed(pinned).definition->pins.numatune->nodes, nodes("1"));
    EXPECT_EQ(parsed(pinned).definition->pins.vcpus.at(VcpuId{6}), cpus("5-6"));

    const auto restored = edited(pinned, {.mode = DefinitionChange::Mode::replace, .pins = before});
    EXPECT_EQ(parsed(restored).definition_pins(), before);
    // The memory element comes back as it was, with the modes of its cells.
    EXPECT_NE(restored.find("<memnode cellid='1' mode='strict' nodeset='1'/>"), std::string::npos);
    EXPECT_EQ(restored, win11);
}

TEST(Definition, KeepsForeignContent)
{
    DefinitionChange change;
    change.pins.emulator = cpus("3");
    const auto text = edited(win11, change);
    for (const auto* kept :
         {"<!-- kept by virsh edit -->", "<!-- nested -->", "<!-- pins -->",
          "<shares>2048</shares>", "<vcpusched vcpus='0' scheduler='fifo' priority='1'/>",
          "<qemu:arg value='-s'/>", "<?xml version='1.0'?>",
          "xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'"}) {
        EXPECT_NE(text.find(kept), std::string::npos) << kept;
    }
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'),
              std::count(win11.begin(), win11.end(), '\n'));
}

TEST(Definition, RefusesWhatCannotBeWritten)
{
    DefinitionChange no_cpus;
    no_cpus.pins.numatune = NumaTune{.mode = NumaMode::strict};
    EXPECT_EQ(edit_definition(domain_with("<vcpu>1</vcpu>"), no_cpus).error().code,
              Errc::invalid_argument);
    DefinitionChange two_minds;
    two_minds.pins.numatune =
        NumaTune{.nodes = nodes("0"),
                 .source_xml = "<numatune><memory mode='strict' nodeset='5'/></numatune>"};
    EXPECT_EQ(edit_definition(domain_with("<vcpu>1</vcpu>"), two_minds).error().code,
              Errc::invalid_argument);
    EXPECT_EQ(edit_definition("<network/>", {}).error().code, Errc::invalid_argument);
    EXPECT_EQ(preview_edit("<network/>", {}).error().code, Errc::invalid_argument);
}

TEST(Definition, PreviewIsTheTextBeforeAndAfter)
{
    const auto text = domain_with("<vcpu>1</vcpu>");
    DefinitionChange change;
    change.pins.vcpus[VcpuId{0}] = CpuSet{CpuId{3}};
    const auto preview = preview_edit(text, change);
    ASSERT_TRUE(preview);
    EXPECT_EQ(preview->now, text);
    EXPECT_EQ(preview->next, *edit_definition(text, change));
    EXPECT_NE(preview->next, text);
}

} // namespace
} // namespace virtpind::test
