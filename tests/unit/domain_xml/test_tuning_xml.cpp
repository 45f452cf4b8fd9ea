// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/domain_xml/definition_editor.hpp"
#include "daemon/domain_xml/domain_xml.hpp"
#include "daemon/domain_xml/xml_reader.hpp"
#include "daemon/libvirt/cpu_capabilities.hpp"
#include "daemon/topology/topology_reader.hpp"
#include "tests/support/tuning_case.hpp"
#include "tests/support/tuning_xml_case.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>

namespace virtpind::test {
namespace {

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

TEST(TuningXml, DefinitionThatSaysSoIsNotTouched)
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

TEST(TuningXml, ModeThatCannotCarryATuneGivesWay)
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

TEST(TuningXml, ModelIsNamedUnlessLibvirtWritesItByItself)
{
    const auto read = [](const std::string& cpu) {
        const auto domain =
            parse_domain_xml("<domain><name>a</name><vcpu>1</vcpu>" + cpu + "</domain>",
                             PolicyCatalog{}, XmlKind::config);
        EXPECT_TRUE(domain);
        return *domain->definition->cpus;
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

TEST(TuningXml, ListOfVcpusGoesWhenNoneIsOffline)
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

// Somebody who edits a scheduler while the numbering is their own.
TEST(TuningXml, EditOfASchedulerHoldsNoShapeThatKeepsItsNumbers)
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

// A cell of memory only has no list: libvirt does not read an empty one.
TEST(TuningXml, CellWithoutVcpusHasNoListOfThem)
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

TEST(TuningXml, TuningThatCannotBeWrittenIsAnError)
{
    const DefinitionChange smbios{.tuning = {.apply = {Tune::host_smbios}}};
    const auto no_os = edit_definition("<domain><name>a</name><vcpu>1</vcpu></domain>", smbios);
    ASSERT_FALSE(no_os);
    EXPECT_NE(no_os.error().message.find("<os>"), std::string::npos);
    EXPECT_FALSE(edit_definition("<domain><name>a</name><vcpu>x</vcpu></domain>", smbios));
}

} // namespace
} // namespace virtpind::test
