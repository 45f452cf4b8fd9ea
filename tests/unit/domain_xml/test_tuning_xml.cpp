// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/base/text_file.hpp"
#include "daemon/domain_xml/definition_editor.hpp"
#include "daemon/domain_xml/domain_xml.hpp"
#include "daemon/domain_xml/xml_reader.hpp"
#include "daemon/libvirt/cpu_capabilities.hpp"
#include "daemon/topology/topology_reader.hpp"
#include "tests/support/tuning_case.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>

namespace virtpind::host {
namespace {

using test::cpu_list;
using test::TuningCase;

const std::set<Tune> every_tune{Tune::cache_passthrough, Tune::topoext,         Tune::invtsc,
                                Tune::no_migrate,        Tune::hide_hypervisor, Tune::host_smbios};

std::string golden(const std::string& name)
{
    const auto* directory = std::getenv("VIRTPIND_GOLDEN_TUNING");
    const auto text = read_text_file(
        std::filesystem::path{directory != nullptr ? directory : "."} / name, domain_xml_bytes_max);
    EXPECT_TRUE(text) << "set VIRTPIND_GOLDEN_TUNING to tests/golden/tuning";
    return text ? *text : "<domain/>";
}

std::string plain_guest(int vcpus)
{
    auto text = golden("plain.xml");
    return text.replace(text.find("VCPUS"), 5, std::to_string(vcpus));
}

// What an element means: without the order of attributes and without blanks between elements.
std::string meaning_of(const pugi::xml_node& node)
{
    if (node.type() != pugi::node_element) {
        const std::string text = node.value();
        return text.find_first_not_of(" \n") == std::string::npos ? "" : "[" + text + "]";
    }
    std::set<std::string> attributes;
    for (const auto attribute : node.attributes()) {
        attributes.insert(std::string{" "} + attribute.name() + "=" + attribute.value());
    }
    std::string text = std::string{"<"} + node.name();
    for (const auto& attribute : attributes) {
        text += attribute;
    }
    text += ">\n";
    for (const auto child : node.children()) {
        text += meaning_of(child);
    }
    return text + "</>\n";
}

std::string meaning_of(const std::string& text)
{
    pugi::xml_document document;
    const auto domain = load_domain(document, text);
    return domain ? meaning_of(*domain) : domain.error().message;
}

std::string applied(const std::string& text, const GuestTuning& tuning)
{
    const auto edited = edit_definition(text, {.tuning = tuning});
    EXPECT_TRUE(edited) << edited.error().message;
    const auto again = edited ? edit_definition(*edited, {.tuning = tuning}) : edited;
    EXPECT_TRUE(again && *again == *edited) << "applying twice changes something";
    return edited ? *edited : "";
}

// A guest with the second L3 of a host of twelve cores, told of it and of nothing else.
struct Reference {
    const char* description;
    const char* cpus;
    TopologyChoice topology;
    const char* expected;
};

class ReferenceConfiguration : public testing::TestWithParam<Reference> {};

TEST_P(ReferenceConfiguration, IsReproduced)
{
    const auto host = read_topology(
        {.kind = TopologySource::Kind::synthetic, .text = GetParam().description, .root = "/"});
    ASSERT_TRUE(host) << host.error().message;
    TuningCase domain{*host, cpu_list(GetParam().cpus), GetParam().topology, every_tune};
    domain.plan.emulator = {CpuId{0}};
    const auto vcpus = static_cast<int>(domain.intent.vcpus_max);
    EXPECT_EQ(meaning_of(applied(plain_guest(vcpus), domain.decide().tuning)),
              meaning_of(golden(GetParam().expected)));
}

constexpr const char* smt_spread = "pack:1 [numa] l3:2 core:6 pu:2(indexes=2*12:12*1)";
constexpr const char* smt_adjacent = "pack:1 [numa] l3:2 core:6 pu:2";
constexpr const char* smt_off = "pack:1 [numa] l3:2 core:6 pu:1";
INSTANTIATE_TEST_SUITE_P(
    Golden, ReferenceConfiguration,
    testing::Values(Reference{smt_off, "6-11", TopologyChoice::match, "reference-a.xml"},
                    Reference{smt_spread, "6-11,18-23", TopologyChoice::match, "reference-b.xml"},
                    Reference{smt_adjacent, "12-23", TopologyChoice::match,
                              "reference-b-adjacent.xml"},
                    Reference{smt_off, "6-11", TopologyChoice::host, "reference-c.xml"}));

TEST(TuningXml, ClustersAreNamedOnlyToALibvirtThatKnowsThem)
{
    TuningCase domain{test::cached_host({.l3s = 2, .cores = 6, .threads = 1}), cpu_list("6-11"),
                      TopologyChoice::match, every_tune};
    domain.abilities.libvirt_version = 10'001'000;
    const auto newer = applied(plain_guest(6), domain.decide().tuning);
    EXPECT_EQ(meaning_of(newer), meaning_of(golden("reference-a-clusters.xml")));
    domain.abilities.libvirt_version = 9'000'000;
    const auto older = applied(plain_guest(6), domain.decide().tuning);
    EXPECT_EQ(meaning_of(older), meaning_of(golden("reference-a.xml")));
    EXPECT_EQ(applied(newer, domain.decide().tuning), newer) << "not worth an edit of its own";
}

// Every shape that is written at all, as libvirt sees it.
TEST(TuningXml, LibvirtAcceptsWhatIsWritten)
{
    if (std::system("command -v virsh > /dev/null") != 0) {
        GTEST_SKIP() << "virsh is not installed: apt-get install libvirt-clients";
    }
    const auto narrow = test::cached_host({.l3s = 2, .cores = 3});
    TuningCase cells{test::cached_host({.packages = 2, .cores = 4}), cpu_list("2-5,10-13"),
                     TopologyChoice::match, every_tune};
    cells.plan.numatune = NumaTune{.nodes = {NodeId{0}, NodeId{1}}, .cells = {}, .source_xml = {}};
    const std::vector<TuningCase> cases{
        {narrow, cpu_list("0-2,6-8"), TopologyChoice::match, every_tune},
        {narrow, cpu_list("0-11"), TopologyChoice::match, every_tune},
        {narrow, cpu_list("1-2,4-5,7-8,10-11"), TopologyChoice::match, every_tune},
        {narrow, cpu_list("2,4-5,8,10-11"), TopologyChoice::host, every_tune},
        {narrow, cpu_list("0-4"), TopologyChoice::match, {}},
        {narrow, cpu_list("0-4"), TopologyChoice::keep, every_tune},
        cells,
    };
    for (const auto& domain : cases) {
        const auto vcpus = static_cast<int>(domain.intent.vcpus_max);
        const auto text = applied(plain_guest(vcpus), domain.decide().tuning);
        const auto file = testing::TempDir() + "virtpind-tuned.xml";
        std::ofstream{file} << text;
        const auto command = "virsh -q -c test:///default define --validate " + file;
        EXPECT_EQ(std::system(command.c_str()), 0) << text;
    }
}

TEST(TuningXml, ADefinitionThatSaysSoIsNotTouched)
{
    // Other quotes, another layout, another mode that can carry them, a policy left at its default.
    const std::string text = R"(<domain type="kvm"><name>a</name><vcpu>2</vcpu>
<os><type>hvm</type><smbios mode="host"/></os>
 <cpu mode="maximum" migratable="off"><cache mode="passthrough"/><feature name="invtsc"/>
  <feature policy="disable" name="hypervisor"/><feature policy="require" name="topoext"/></cpu>
</domain>)";
    EXPECT_EQ(applied(text, {.cpus = {}, .apply = every_tune, .withdraw = {}}), text);
    EXPECT_EQ(applied(text, {}), text);
}

TEST(TuningXml, EverythingElseStays)
{
    const auto before = golden("foreign.xml");
    TuningCase domain{test::cached_host({.l3s = 2, .cores = 3}),
                      cpu_list("1-2,7-8"),
                      TopologyChoice::match,
                      {Tune::invtsc, Tune::host_smbios}};
    auto expected = before;
    const auto replace = [&expected](std::string_view old, std::string_view with) {
        const auto at = expected.find(old);
        ASSERT_NE(at, std::string::npos) << old;
        expected.replace(at, old.size(), with);
    };
    replace("<vcpu placement=\"auto\">4</vcpu>",
            "<vcpu placement=\"static\" cpuset=\"1-2,7-8\">4</vcpu>");
    replace("    <vcpupin vcpu=\"0\" cpuset=\"0\"/>",
            "    <vcpupin vcpu=\"0\" cpuset=\"1\"/>\n    <vcpupin vcpu=\"1\" cpuset=\"7\"/>\n"
            "    <vcpupin vcpu=\"2\" cpuset=\"2\"/>\n    <vcpupin vcpu=\"3\" cpuset=\"8\"/>");
    replace("    <boot dev=\"hd\"/>", "    <boot dev=\"hd\"/>\n    <smbios mode=\"host\"/>");
    replace("<topology sockets=\"4\" cores=\"1\" threads=\"1\"/>",
            "<topology sockets=\"1\" cores=\"2\" threads=\"2\" dies=\"1\"/>");
    replace("<feature name=\"x2apic\"/>",
            "<feature name=\"x2apic\"/>\n    <feature policy=\"require\" name=\"invtsc\"/>");
    EXPECT_EQ(applied(before, domain.decide().tuning), expected);
}

TEST(TuningXml, AModeThatCannotCarryATuneGivesWay)
{
    const auto text = applied(golden("foreign.xml"),
                              {.cpus = {}, .apply = {Tune::cache_passthrough}, .withdraw = {}});
    pugi::xml_document document;
    const auto cpu = load_domain(document, text)->child("cpu");
    EXPECT_EQ(cpu.attribute("mode").value(), std::string_view{"host-passthrough"});
    EXPECT_FALSE(cpu.attribute("match"));
    EXPECT_FALSE(cpu.child("model"));
    EXPECT_TRUE(cpu.find_child_by_attribute("feature", "name", "x2apic"));
}

TEST(TuningXml, AModelIsNamedUnlessItIsWhatLibvirtWritesByItself)
{
    const auto read = [](const std::string& cpu) {
        const auto domain =
            parse_domain_xml("<domain><name>a</name><vcpu>1</vcpu>" + cpu + "</domain>",
                             PolicyCatalog{}, XmlKind::config);
        EXPECT_TRUE(domain);
        return *domain->cpus;
    };
    EXPECT_EQ(read("<cpu mode='custom' match='exact'><model>EPYC</model></cpu>").model, "EPYC");
    EXPECT_EQ(read("<cpu><model>qemu64</model></cpu>").model, "qemu64");
    EXPECT_EQ(read("<cpu mode='custom' match='exact' check='none'>"
                   "<model fallback='forbid'>qemu64</model></cpu>")
                  .model,
              "");
    EXPECT_EQ(read("<cpu mode='host-model'><model>EPYC</model></cpu>").model, "");
    EXPECT_EQ(read("").model, "");
    const auto words = read("<cpu mode='host-passthrough'><cache mode='disable'/>"
                            "<feature policy='forbid' name='invtsc'/>"
                            "<feature policy='force' name='topoext'/>"
                            "<feature policy='require' name='hypervisor'/></cpu>");
    EXPECT_EQ(words.opposed,
              (std::set{Tune::cache_passthrough, Tune::invtsc, Tune::hide_hypervisor}));
    EXPECT_TRUE(words.tuned.empty());
}

TEST(TuningXml, WithdrawnTunesAreTakenOut)
{
    GuestTuning tuning{.cpus = {}, .apply = every_tune, .withdraw = {}};
    const auto tuned = applied(plain_guest(2), tuning);
    tuning.apply.clear();
    tuning.withdraw = every_tune;
    const auto text = applied(tuned, tuning);
    for (const auto* word : {"passthrough'/>", "topoext", "invtsc", "hypervisor", "smbios"}) {
        EXPECT_EQ(text.find(word), std::string::npos) << word;
    }
    EXPECT_NE(text.find("migratable='on'"), std::string::npos);
}

// Else what it changed would be given back at the next look, as no tune asks for it.
TEST(TuningXml, WithdrawingAnOwnersTuneLeavesTheModeAlone)
{
    const std::string text =
        "<domain type='kvm'><name>a</name><memory>1024</memory><vcpu>2</vcpu>"
        "<os><type>hvm</type></os><cpu mode='host-passthrough' check='none' migratable='on'>"
        "<cache mode='passthrough'/><feature policy='require' name='topoext'/></cpu></domain>";
    const auto without =
        applied(text, {.cpus = {}, .apply = {}, .withdraw = {Tune::cache_passthrough}});
    EXPECT_EQ(without.find("<cache"), std::string::npos);
    EXPECT_NE(without.find("check='none'"), std::string::npos) << without;
}

TEST(TuningXml, AListOfVcpusGoesWhenNoneIsOffline)
{
    GuestCpus cpus{.topology = {.cores = 2},
                   .pins = {{VcpuId{0}, {CpuId{1}}}, {VcpuId{1}, {CpuId{2}}}},
                   .cells = {},
                   .numatune = {}};
    const auto text =
        applied(golden("reference-c.xml"), {.cpus = cpus, .apply = {}, .withdraw = {}});
    EXPECT_EQ(text.find("<vcpus>"), std::string::npos);
    EXPECT_NE(text.find("<vcpu placement='static' cpuset='1-2'>2</vcpu>"), std::string::npos);
    EXPECT_EQ(text.find("vcpupin vcpu='2'"), std::string::npos);
}

// libvirt refuses "no" after "yes", whatever is enabled.
TEST(TuningXml, NoVcpuIsFixedBehindOneThatIsNot)
{
    auto text = plain_guest(4);
    std::string list = "<vcpus>";
    for (const auto* id : {"0", "1", "2", "3"}) {
        list += std::string{"<vcpu id='"} + id + "' enabled='yes' hotpluggable='no'/>";
    }
    text.insert(text.find("<vcpu "), list + "</vcpus>");
    GuestCpus cpus{.topology = {.cores = 6}, .pins = {}, .cells = {}, .numatune = {}};
    for (const auto id : {0U, 1U, 3U, 4U}) {
        cpus.pins.emplace(VcpuId{id}, CpuSet{CpuId{id}});
    }
    const auto tuned = applied(text, {.cpus = cpus, .apply = {}, .withdraw = {}});
    pugi::xml_document document;
    std::string hotpluggable;
    for (const auto vcpu : load_domain(document, tuned)->child("vcpus").children("vcpu")) {
        hotpluggable += std::string{vcpu.attribute("hotpluggable").value()} + " ";
    }
    EXPECT_EQ(hotpluggable, "no no yes yes yes yes ");
}

std::string keyed_guest()
{
    auto text = plain_guest(8);
    const std::string cputune = R"(<cputune>
    <shares>2048</shares>
    <vcpusched vcpus='0-3' scheduler='fifo' priority='2'/>
    <vcpusched vcpus='4-7' scheduler='rr' priority='1'/>
    <iothreadsched iothreads='1' scheduler='batch'/>
    <cachetune vcpus='4-7'>
      <cache id='0' level='3' type='both' size='3' unit='MiB'/>
      <monitor level='3' vcpus='4'/>
      <monitor level='3' vcpus='5-7'/>
    </cachetune>
    <memorytune vcpus='0-3'>
      <node id='0' bandwidth='60'/>
    </memorytune>
  </cputune>
  )";
    const std::string plain = "migratable='on'/>";
    text.replace(text.find(plain), plain.size(),
                 "migratable='on'>\n    <topology sockets='8' dies='1' cores='1' threads='1'/>\n"
                 "  </cpu>");
    return text.insert(text.find("<os>"), cputune);
}

// Two L3s of two cores: blocks of eight for vCPUs 0-3 and 8-11.
GuestTuning with_gaps()
{
    GuestCpus cpus{.topology = {.cores = 6, .threads = 2}, .pins = {}, .cells = {}, .numatune = {}};
    const auto enabled = *VcpuSet::parse("0-3,8-11");
    for (const auto vcpu : enabled) {
        cpus.pins.emplace(vcpu, CpuSet{CpuId{raw(vcpu)}});
    }
    return {.cpus = cpus, .apply = {}, .withdraw = {}};
}

TEST(TuningXml, WhatIsKeyedByVcpuFollowsTheNumber)
{
    const auto text = applied(keyed_guest(), with_gaps());
    for (const auto* line : {"<vcpusched vcpus='0-3' scheduler='fifo' priority='2'/>",
                             "<vcpusched vcpus='8-11' scheduler='rr' priority='1'/>",
                             "<iothreadsched iothreads='1' scheduler='batch'/>",
                             "<cachetune vcpus='8-11'>", "<monitor level='3' vcpus='8'/>",
                             "<monitor level='3' vcpus='9-11'/>", "<memorytune vcpus='0-3'>"}) {
        EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
    }
    const auto read = parse_domain_xml(text, PolicyCatalog{}, XmlKind::config);
    EXPECT_EQ(read->cpus->realtime.str(), "0-3,8-11");
}

TEST(TuningXml, WhatWasKeyedByVcpuIsGivenBack)
{
    const auto before = keyed_guest();
    const auto seen = parse_domain_xml(before, PolicyCatalog{}, XmlKind::config);
    const auto text = applied(before, with_gaps());
    const auto tuned = parse_domain_xml(text, PolicyCatalog{}, XmlKind::config);
    BeforeImage image;
    image.parts = seen->cpus->parts;
    image.config = seen->config;
    image.note_written(seen->cpus->parts, tuned->cpus->parts);
    auto undo = make_undo(image, tuned->cpus->parts);
    EXPECT_TRUE(undo.not_reverted.empty());
    EXPECT_EQ(undo.revert.count("cputune/vcpusched"), 1U);
    EXPECT_EQ(undo.revert.count("cputune/memorytune"), 0U) << "it names the same vCPUs";
    DefinitionChange change{.mode = DefinitionChange::Mode::replace, .pins = *seen->config};
    change.tuning.revert = undo.revert;
    const auto back = edit_definition(text, change);
    ASSERT_TRUE(back) << back.error().message;
    // Attributes of a part that was replaced are in another order, which libvirt makes its own.
    EXPECT_EQ(meaning_of(*back), meaning_of(before));
    const auto keyed = before.substr(before.find("<cputune>"),
                                     before.find("</cputune>") - before.find("<cputune>"));
    EXPECT_NE(back->find(keyed), std::string::npos) << "byte for byte";

    // An owner's scheduler for numbers of ours: the numbering stays with it.
    auto edited = text;
    const std::string rr = "vcpus='8-11' scheduler='rr' priority='1'";
    edited.replace(edited.find(rr), rr.size(), "vcpus='10' scheduler='rr' priority='3'");
    const auto now = parse_domain_xml(edited, PolicyCatalog{}, XmlKind::config);
    undo = make_undo(image, now->cpus->parts);
    EXPECT_EQ(undo.revert.count("vcpu") + undo.revert.count("vcpus") +
                  undo.revert.count("cputune/cachetune"),
              0U);
}

// Somebody who edits a scheduler while the numbering is their own.
TEST(TuningXml, AnEditOfASchedulerHoldsNoShapeThatKeepsItsNumbers)
{
    BeforeImage image;
    image.parts = {{"cpu/topology", "<topology sockets=\"4\"/>"},
                   {"cputune/vcpusched", "<vcpusched vcpus=\"0\"/>"}};
    auto now = image.parts;
    now["cpu/topology"] = "<topology sockets=\"1\"/>";
    image.note_written(image.parts, now);
    now["cputune/vcpusched"] = "<vcpusched vcpus=\"1\"/>";
    const auto undo = make_undo(image, now);
    EXPECT_EQ(undo.revert.count("cpu/topology"), 1U);
    EXPECT_EQ(undo.not_reverted, std::vector<std::string>{"cputune/vcpusched"});
}

// Elements that name gaps only are not there, and come back.
TEST(TuningXml, WhatNamesNoVcpuAnyMoreGoes)
{
    auto before = keyed_guest();
    const std::string all = "<vcpu placement='static'>";
    before.replace(before.find(all), all.size(), "<vcpu placement='static' current='4'>");
    const auto seen = parse_domain_xml(before, PolicyCatalog{}, XmlKind::config);
    ASSERT_TRUE(seen) << seen.error().message;
    GuestCpus cpus{.topology = {.cores = 4}, .pins = {}, .cells = {}, .numatune = {}};
    for (const auto id : {0U, 1U, 2U, 3U}) {
        cpus.pins.emplace(VcpuId{id}, CpuSet{CpuId{id}});
    }
    const auto text = applied(before, {.cpus = cpus, .apply = {}, .withdraw = {}});
    EXPECT_EQ(text.find("cachetune"), std::string::npos);
    EXPECT_EQ(text.find("scheduler='rr'"), std::string::npos);
    EXPECT_NE(text.find("scheduler='batch'"), std::string::npos);
    DefinitionChange change{.mode = DefinitionChange::Mode::replace, .pins = *seen->config};
    change.tuning.revert = seen->cpus->parts;
    change.tuning.revert.emplace("cpu/topology", "");
    const auto back = edit_definition(text, change);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(parse_domain_xml(*back, PolicyCatalog{}, XmlKind::config)->cpus->parts,
              seen->cpus->parts);
}

// A cell of memory only has no list: libvirt does not read an empty one.
TEST(TuningXml, ACellWithoutVcpusHasNoListOfThem)
{
    auto text = plain_guest(4);
    const std::string cells =
        "<cpu mode='host-passthrough'><numa><cell id='0' cpus='0-1' memory='1' unit='GiB'/>"
        "<cell id='1' cpus='2-3' memory='1' unit='GiB'/>"
        "<cell id='2' memory='1' unit='GiB'/></numa></cpu>";
    const std::string plain = "<cpu mode='host-passthrough' check='none' migratable='on'/>";
    text.replace(text.find(plain), plain.size(), cells);
    GuestCpus cpus{.topology = {.cores = 4}, .pins = {}, .cells = {}, .numatune = {}};
    for (const auto id : {0U, 1U, 2U, 3U}) {
        cpus.pins.emplace(VcpuId{id}, CpuSet{CpuId{id}});
    }
    cpus.cells = {
        {.id = 0, .vcpus = {VcpuId{0}, VcpuId{1}, VcpuId{2}, VcpuId{3}}, .memory_kib = 1048576},
        {.id = 1, .vcpus = {}, .memory_kib = 1048576},
        {.id = 2, .vcpus = {}, .memory_kib = 1048576}};
    const auto tuned = applied(text, {.cpus = cpus, .apply = {}, .withdraw = {}});
    EXPECT_NE(tuned.find("<cell id='0' cpus='0-3' memory='1' unit='GiB'/>"), std::string::npos);
    for (const auto* cell : {"<cell id='1' memory=", "<cell id='2' memory="}) {
        EXPECT_NE(tuned.find(cell), std::string::npos) << tuned;
    }
}

// The baseline calls take a <cpu>, which the answers have by another name, or inside another.
TEST(TuningAbilities, TheCpuIsTakenOutOfAnAnswer)
{
    const std::string capabilities =
        "<domainCapabilities><cpu><mode name='maximum' supported='yes'/>"
        "<mode name='host-model' supported='yes'><model fallback='forbid'>EPYC</model>"
        "<feature policy='require' name='invtsc'/></mode></cpu></domainCapabilities>";
    const auto* path = "/domainCapabilities/cpu/mode[@name='host-model']";
    const auto cpu = cpu_in(capabilities, path);
    EXPECT_EQ(cpu, R"(<cpu><model fallback="forbid">EPYC</model>)"
                   R"(<feature policy="require" name="invtsc"/></cpu>)");
    EXPECT_EQ(has_feature(cpu, "invtsc"), true);
    EXPECT_EQ(has_feature(cpu, "topoext"), false);
    EXPECT_EQ(has_feature("", "invtsc"), std::nullopt);
    EXPECT_EQ(cpu_in("<domainCapabilities/>", path), "");
    EXPECT_EQ(cpu_in("<capabilities><host><cpu><arch>x86_64</arch></cpu></host></capabilities>",
                     "/capabilities/host/cpu"),
              "<cpu><arch>x86_64</arch></cpu>");
}

// An entity that is written again as "&amp;b;" is another text.
TEST(TuningXml, EntitiesAreRefusedNotSpoilt)
{
    const auto edited =
        edit_definition("<?xml version='1.0'?><!DOCTYPE domain [<!ENTITY b 'hello'>]>"
                        "<domain><name>a</name><title>&b;</title><vcpu>1</vcpu><os/></domain>",
                        {.tuning = {.apply = {Tune::host_smbios}}});
    ASSERT_FALSE(edited);
    EXPECT_EQ(edited.error().code, Errc::invalid_argument);
    EXPECT_NE(edited.error().message.find("DOCTYPE"), std::string::npos);
}

TEST(TuningXml, WhatCannotBeWrittenIsAnError)
{
    const DefinitionChange smbios{.tuning = {.apply = {Tune::host_smbios}}};
    const auto no_os = edit_definition("<domain><name>a</name><vcpu>1</vcpu></domain>", smbios);
    ASSERT_FALSE(no_os);
    EXPECT_NE(no_os.error().message.find("<os>"), std::string::npos);
    EXPECT_FALSE(edit_definition("<domain><name>a</name><vcpu>x</vcpu></domain>", smbios));
}

} // namespace
} // namespace virtpind::host
