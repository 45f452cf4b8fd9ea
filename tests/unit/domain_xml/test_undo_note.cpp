// SPDX-License-Identifier: LGPL-2.1-or-later
// What was before, in a domain's metadata: written and read, by friend and foe, and taken together
// with the file on this host.
#include "common/model/parts.hpp"
#include "common/model/undo_merge.hpp"
#include "daemon/domain_xml/definition_editor.hpp"
#include "daemon/domain_xml/definition_parts.hpp"
#include "daemon/domain_xml/domain_xml.hpp"
#include "daemon/domain_xml/migration_xml.hpp"
#include "daemon/domain_xml/undo_note_xml.hpp"

#include <gtest/gtest.h>

namespace virtpind {
namespace {

std::string domain_with(const std::string& metadata, const std::string& cputune = "",
                        const std::string& attributes = "")
{
    return "<domain type='kvm'" + attributes +
           ">\n  <name>web</name>\n"
           "  <uuid>11111111-2222-3333-4444-555555555555</uuid>\n" +
           (metadata.empty() ? "" : "  <metadata>\n    " + metadata + "\n  </metadata>\n") +
           "  <memory unit='KiB'>1048576</memory>\n  <vcpu placement='static'>4</vcpu>\n"
           "  <iothreads>1</iothreads>\n" +
           (cputune.empty() ? "" : "  <cputune>\n    " + cputune + "\n  </cputune>\n") +
           "  <os>\n    <type arch='x86_64'>hvm</type>\n  </os>\n</domain>\n";
}

std::string note_with(const std::string& parts)
{
    return "<virtpind-undo:undo xmlns:virtpind-undo='https://virtpind.org/undo/1'>" + parts +
           "</virtpind-undo:undo>";
}

std::string part(const std::string& attributes)
{
    return "<virtpind-undo:part " + attributes + "/>";
}

ObservedDomain seen_in(const std::string& text)
{
    auto seen = parse_domain_xml(text, PolicyCatalog{}, XmlKind::live);
    return seen ? std::move(*seen) : throw std::invalid_argument{seen.error().message};
}

// In an attribute.
std::string scheduler(const std::string& vcpus)
{
    return "&lt;vcpusched priority=\"1\" scheduler=\"fifo\" vcpus=\"" + vcpus + "\"/&gt;";
}

std::optional<UndoNote> note_in(const std::string& metadata)
{
    return seen_in(domain_with(metadata)).definition_note();
}

BeforeImage file_of(const ObservedDomain& before)
{
    return {.uuid = before.facts.uuid,
            .name = before.facts.name,
            .id = before.facts.id,
            .boot_id = "here",
            .live = before.running_pins(),
            .config = before.definition_pins(),
            .vcpus_max = before.facts.vcpus_max,
            .parts = parts_of(before),
            .written = {}};
}

std::string with_note(const std::string& text, const UndoNote& note)
{
    auto editor = DefinitionEditor::open(text).value();
    editor.set_note(note);
    return editor.text();
}

// ---- written and read ---------------------------------------------------------------------------

TEST(UndoNote, SurvivesTheDefinitionAndLeavesIt)
{
    UndoNote note;
    for (const auto* vcpu : {"0", "1", "3"}) {
        note.parts[std::string{"cputune/vcpupin:"} + vcpu] = {.before = "", .ours = {"4-5"}};
    }
    note.parts["cputune/vcpupin:2"] = {.before = "0-1", .ours = {"6", "7"}};
    note.parts["cputune/iothreadpin:1"] = {.before = "0", .ours = {"3"}};
    note.parts["vcpu"] = {.before = "<vcpu placement=\"static\">4</vcpu>",
                          .ours = {"<vcpu current=\"4\" placement=\"static\">8</vcpu>"}};
    note.parts["cpu/topology"] = {
        .before = "", .ours = {"<topology cores=\"2\" dies=\"1\" sockets=\"1\" threads=\"2\"/>"}};
    note.parts["numatune"] = {.before = "strict 0", .ours = {"restrictive 1"}};
    note.numatune_xml = "<numatune>\n    <memory mode='strict' nodeset='0'/>\n  </numatune>";
    const auto plain = domain_with("");
    const auto noted = with_note(plain, note);
    EXPECT_EQ(seen_in(noted).definition_note(), note) << noted;
    EXPECT_NE(noted.find("name='cputune/vcpupin:0-1,3'"), std::string::npos)
        << "what says the same is one line: " << noted;
    EXPECT_EQ(with_note(noted, {}), plain) << "byte for byte";
    const auto neighbour = domain_with("<a:b xmlns:a='urn:a'/>");
    EXPECT_EQ(with_note(with_note(neighbour, note), {}), neighbour);
}

TEST(UndoNote, OfAHugeGuestFits)
{
    BeforeImage image;
    image.written.emplace_back();
    for (std::uint32_t vcpu = 0; vcpu < 4096; ++vcpu) {
        image.written.back()["cputune/vcpupin:" + std::to_string(vcpu)] = "4-511";
    }
    const auto floating = note_of(image, image.written.back());
    EXPECT_EQ(floating.parts.size(), 4096U);
    EXPECT_LT(format_undo_note(floating).size(), 200U);

    image.written.back()["cpu/numa"] = "<numa>" + std::string(2 * UndoNote::bytes_max, ' ');
    const auto cut = note_of(image, image.written.back());
    EXPECT_FALSE(cut.parts.contains("cpu/numa")) << "the longest stays behind";
    EXPECT_EQ(cut.parts.size(), 4096U);
}

// What says the same in other words is another part.
TEST(UndoNote, LeavesOutTheLongestOnly)
{
    const auto numatune = "<numatune>" + std::string(UndoNote::bytes_max, ' ') + "</numatune>";
    BeforeImage image;
    image.config.emplace();
    image.config->numatune =
        NumaTune{.mode = NumaMode::strict, .nodes = *NodeSet::parse("0"), .source_xml = numatune};
    image.parts = pin_parts(*image.config);
    const std::string model(UndoNote::bytes_max, 'x');
    image.written = {{{"cpu/model", model},
                      {"cpu/vendor", "x"},
                      {"cputune/emulatorpin", "4-5"},
                      {"cputune/vcpupin:0", "4-5"},
                      {"numatune", "restrictive 1"}}};
    auto note = note_of(image, image.written.back());
    EXPECT_EQ(note.parts.size(), 3U) << "the two long ones are not there";
    EXPECT_EQ(note.numatune_xml, "") << "it goes with its part";

    image.parts["cpu/model"] = "";
    image.config->numatune.reset();
    image.parts.erase("numatune");
    std::string many;
    for (std::uint32_t vcpu = 0; many.size() < UndoNote::bytes_max / 3 * 2; vcpu += 2) {
        many += std::to_string(vcpu) + ",";
    }
    image.written = {{{"cputune/emulatorpin", many}, {"cputune/vcpupin:0", "4"}}};
    image.written.back()["cputune/iothreadpin:1"] = many;
    note = note_of(image, image.written.back());
    EXPECT_EQ(note.parts.size(), 2U) << "one of the two makes room enough";
    EXPECT_TRUE(note.parts.contains("cputune/vcpupin:0"));
}

// ---- by whoever may write metadata -------------------------------------------------------------

TEST(UndoNote, NamesOnlyPartsOfThisDomain)
{
    const auto good = part("name='cputune/vcpupin:3' ours='7'");
    const std::vector<std::string> bad{
        part("name='cputune/vcpupin:4' ours='7'"), // it has 4 vCPUs
        part("name='cputune/vcpupin:0-4095' ours='7'"),
        part("name='cputune/vcpupin:99999999999' ours='7'"),
        part("name='cputune/vcpupin:' ours='7'"),
        part("name='cputune/iothreadpin:2' ours='7'"),
        part("name='cputune/shares' ours='7' before='8'"),
        part("name='devices' ours='' before='&lt;devices/&gt;'"),
        part("name='os/smbios' ours='' before='&lt;loader&gt;/evil&lt;/loader&gt;'"),
        part("name='cpu/topology' ours='' before='&lt;model&gt;x&lt;/model&gt;'"),
        part("name='cpu/topology' ours='' before='&lt;topology sockets=\"1\"/&gt;&lt;x/&gt;'"),
        part("name='cpu/topology' ours='' before='&lt;topology'"),
        part("name='cputune/vcpupin:0' ours='7' before='&lt;x/&gt;'"),
        part("name='cputune/vcpupin:0' ours='7' before='0-'"),
        part("name='cputune/vcpupin:0' ours='7' before='20000'"),
        part("name='numatune' ours='' before='strict 0' xml='&lt;os/&gt;'") + "<!-- -->",
        part("name='vcpu' ours='' before='&lt;vcpu&gt;&lt;vcpu/&gt;'"),
        part("name='cputune/vcpusched' ours='' before='" + scheduler("0,4") + "'"),
        part("name='cputune/vcpusched' before='' ours='" + scheduler("4000") + "'"),
        part("name='cputune/vcpupin:0' ours='7' before='7'"),
        part(""),
        "<part name='cputune/vcpupin:0' ours='7'/>",
        "<virtpind-undo:policy name='cputune/vcpupin:0' ours='7'/>",
    };
    const auto only = note_in(note_with(good));
    ASSERT_TRUE(only);
    ASSERT_EQ(only->parts.size(), 1U);
    for (const auto& one : bad) {
        auto read = note_in(note_with(one + good));
        ASSERT_TRUE(read) << one;
        read->parts.erase("numatune"); // whose element is refused, not what it says
        EXPECT_EQ(read->parts, only->parts) << one;
        EXPECT_EQ(read->numatune_xml, "") << one;
    }
}

TEST(UndoNote, OfAnotherVersionOrKindIsNone)
{
    EXPECT_FALSE(note_in("<u:undo xmlns:u='https://virtpind.org/undo/2'>" +
                         part("name='cputune/vcpupin:0' ours='7'") + "</u:undo>"))
        << "its namespace is not declared either";
    EXPECT_FALSE(note_in(""));
    const auto kind = note_in("<u:policy xmlns:u='https://virtpind.org/undo/1'/>");
    EXPECT_TRUE(kind && kind->empty());
}

TEST(UndoNote, IsBounded)
{
    const auto long_value = part("name='cputune/vcpupin:0' before='" +
                                 std::string(UndoNote::read_bytes_max, '1') + "'");
    std::string many;
    for (int i = 0; i < 9000; ++i) {
        many += part("name='cputune/vcpupin:0' ours='" + std::to_string(i % 7) + "'");
    }
    std::string deep;
    for (int i = 0; i < 5000; ++i) {
        deep += "&lt;numa&gt;";
    }
    for (int i = 0; i < 5000; ++i) {
        deep += "&lt;/numa&gt;";
    }
    for (const auto& text : {long_value, many, part("name='cpu/numa' before='" + deep + "'")}) {
        const auto note = note_in(note_with(text));
        ASSERT_TRUE(note);
        EXPECT_TRUE(note->empty());
    }
    std::string candidates;
    for (int i = 0; i < 9; ++i) {
        candidates += part("name='cputune/vcpupin:0' ours='" + std::to_string(i) + "'");
    }
    EXPECT_EQ(note_in(note_with(candidates))->parts.at("cputune/vcpupin:0").ours.size(),
              UndoNote::ours_max);
}

TEST(UndoNote, ThatContradictsItselfIsHeldToItsFirstWord)
{
    const auto note = note_in(note_with(part("name='cputune/vcpupin:0' ours='4' before='1'") +
                                        part("name='cputune/vcpupin:0' ours='5' before='2'")));
    ASSERT_TRUE(note);
    EXPECT_EQ(note->parts.at("cputune/vcpupin:0"), (NotedPart{.before = "1", .ours = {"4"}}));
}

// ---- the rule -----------------------------------------------------------------------------------

constexpr const char* ours_on_0 = "<vcpupin vcpu='0' cpuset='6'/>";

TEST(UndoMerge, ANoteMakesTheImageOfADomainThatNobodyHereHasSeen)
{
    const auto seen = seen_in(domain_with(
        note_with(part("name='cputune/vcpupin:0' ours='6' before='1'") +
                  part("name='cputune/emulatorpin' ours='0'")),
        std::string{ours_on_0} + "<vcpupin vcpu='1' cpuset='3'/><emulatorpin cpuset='2'/>"));
    const auto known = merge_undo({}, seen, "here");
    ASSERT_TRUE(known.image && known.changed);
    EXPECT_EQ(known.image->config->vcpus.at(VcpuId{0}), CpuSet{CpuId{1}});
    EXPECT_EQ(known.image->config->vcpus.at(VcpuId{1}), CpuSet{CpuId{3}}) << "its owner's";
    EXPECT_EQ(known.image->config->emulator, CpuSet{CpuId{2}}) << "edited since: its owner's";
    const auto undo = make_undo(*known.image, parts_of(seen));
    EXPECT_EQ(undo.revert, (DefinitionParts{{"cputune/vcpupin:0", "1"}}));
    EXPECT_TRUE(undo.not_reverted.empty());
    EXPECT_FALSE(merge_undo(known.image, seen, "here").changed) << "once is enough";
}

TEST(UndoMerge, TheFileWinsWhereBothSpeak)
{
    auto file = file_of(seen_in(domain_with("", "<vcpupin vcpu='0' cpuset='2'/>")));
    const auto seen =
        seen_in(domain_with(note_with(part("name='cputune/vcpupin:0' ours='6' before='1'") +
                                      part("name='cputune/vcpupin:1' ours='7' before='1'")),
                            std::string{ours_on_0} + "<vcpupin vcpu='1' cpuset='7'/>"));
    file.written = {{{"cputune/vcpupin:0", "6"}}};
    const auto known = merge_undo(file, seen, "here");
    ASSERT_TRUE(known.image);
    const auto undo = make_undo(*known.image, parts_of(seen));
    EXPECT_EQ(undo.revert.at("cputune/vcpupin:0"), "2") << "as the file says";
    EXPECT_EQ(undo.revert.at("cputune/vcpupin:1"), "1") << "of which the file does not know";
}

TEST(UndoMerge, AFileOfADomainThatWasReplacedSaysNothing)
{
    auto file = file_of(seen_in(domain_with("", "<vcpupin vcpu='0' cpuset='2'/>")));
    file.written = {{{"cputune/vcpupin:0", "6"}}};
    const auto replaced = seen_in(domain_with("", "<vcpupin vcpu='0' cpuset='3'/>"));
    const auto known = merge_undo(file, replaced, "here");
    EXPECT_TRUE(known.changed);
    EXPECT_FALSE(known.image);
    const auto ours = seen_in(domain_with("", ours_on_0));
    EXPECT_TRUE(merge_undo(file, ours, "here").image)
        << "a definition that lost its metadata, not our pins";
}

TEST(UndoMerge, ARunIsItsOwnFilesOrItsNotes)
{
    const auto text = domain_with(note_with(part("name='cputune/vcpupin:0' ours='6' before='1'")),
                                  ours_on_0, " id='4'");
    auto seen = seen_in(text);
    seen.definition = seen_in(domain_with("", "")).definition;
    const auto fresh = merge_undo({}, seen, "here");
    ASSERT_TRUE(fresh.image);
    EXPECT_EQ(fresh.image->live->vcpus.at(VcpuId{0}), CpuSet{CpuId{1}});
    auto file = *fresh.image;
    file.live->vcpus[VcpuId{1}] = CpuSet{CpuId{2}}; // of which the note says nothing
    EXPECT_EQ(merge_undo(file, seen, "here").image->live, file.live) << "this very run";
    EXPECT_EQ(merge_undo(file, seen, "there").image->live, fresh.image->live) << "another boot";
    // As after a death between a pin and its note.
    seen.running->pins.vcpus[VcpuId{0}] = CpuSet{CpuId{5}};
    EXPECT_EQ(merge_undo(file, seen, "there").image->live, fresh.image->live);
    EXPECT_EQ(merge_undo({}, seen, "here").image->live, fresh.image->live);
}

// libvirt counts ids from 1 again where its daemon was restarted while no domain ran, and this run
// began while nobody looked.
TEST(UndoMerge, ARunWithTheIdOfAFormerOneIsItsNotes)
{
    const auto noted = note_with(part("name='cputune/vcpupin:0' ours='6'"));
    auto seen = seen_in(domain_with(noted, ours_on_0, " id='1'"));
    seen.definition = seen_in(domain_with(noted, ours_on_0)).definition;
    auto file = file_of(seen_in(domain_with("", "")));
    file.written = {{{"cputune/vcpupin:0", "6"}}};
    file.id = 1;
    file.boot_id = "here";
    file.live.emplace().vcpus[VcpuId{0}] = CpuSet{CpuId{3}};
    const auto known = merge_undo(file, seen, "here");
    ASSERT_TRUE(known.image && known.changed);
    EXPECT_FALSE(known.image->live) << "of a run that is over";
    EXPECT_EQ(known.image->pins_for(1, "here"), file.config);
    EXPECT_FALSE(merge_undo(known.image, seen, "here").changed) << "once is enough";

    // Its definition had a pin of its owner's before, which this run would have without virtpind.
    file.config->vcpus[VcpuId{0}] = CpuSet{CpuId{2}};
    file.parts["cputune/vcpupin:0"] = "2";
    seen.running->note->parts.at("cputune/vcpupin:0").before = "1";
    const auto other = merge_undo(file, seen, "here");
    ASSERT_TRUE(other.image && other.changed);
    EXPECT_EQ(other.image->pins_for(1, "here")->vcpus.at(VcpuId{0}), CpuSet{CpuId{1}});
    EXPECT_FALSE(merge_undo(other.image, seen, "here").changed) << "once is enough";

    seen.running->note.reset();
    EXPECT_EQ(merge_undo(file, seen, "here").image->live, file.live)
        << "somebody took the note of this run: the file is what is left";
}

TEST(UndoMerge, NothingIsSaidOfADomainOnItsWay)
{
    auto seen = seen_in(
        domain_with(note_with(part("name='cputune/vcpupin:0' ours='6'")), ours_on_0, " id='4'"));
    seen.facts.job_active = true;
    EXPECT_FALSE(merge_undo({}, seen, "here").image);
}

// ---- for another host ---------------------------------------------------------------------------

Destination with_cpus(const char* cpus)
{
    return {.cpus = *CpuSet::parse(cpus), .nodes = NodeSet{NodeId{0}}};
}

TEST(MigrationXml, LeavesOutWhatTheDestinationDoesNotHave)
{
    const auto note = note_with(part("name='cputune/vcpupin:0' ours='6' before='1'") +
                                part("name='cputune/vcpupin:1' ours='7'"));
    const auto text = domain_with(note, std::string{ours_on_0} + "<vcpupin vcpu='1' cpuset='7'/>"
                                                                 "<vcpupin vcpu='2' cpuset='0,9'/>"
                                                                 "<vcpupin vcpu='3' cpuset='9'/>");
    const auto unknown = xml_for(text, std::nullopt);
    ASSERT_TRUE(unknown) << unknown.error().message;
    EXPECT_EQ(seen_in(*unknown).definition->pins.vcpus,
              (std::map<VcpuId, CpuSet>{{VcpuId{0}, *CpuSet::parse("1")},
                                        {VcpuId{2}, *CpuSet::parse("0,9")},
                                        {VcpuId{3}, *CpuSet::parse("9")}}));
    EXPECT_NE(unknown->find(note), std::string::npos) << "the note stays: " << *unknown;
    const auto small = xml_for(text, with_cpus("0-3"));
    ASSERT_TRUE(small);
    EXPECT_EQ(seen_in(*small).definition->pins.vcpus,
              (std::map<VcpuId, CpuSet>{{VcpuId{0}, *CpuSet::parse("1")},
                                        {VcpuId{2}, *CpuSet::parse("0")}}));
    EXPECT_EQ(*xml_for(text, with_cpus("0-15")), text) << "nothing is in its way";
    EXPECT_FALSE(xml_for("<network/>", std::nullopt));
}

} // namespace
} // namespace virtpind
