// SPDX-License-Identifier: LGPL-2.1-or-later
// Elements that name vCPUs by their numbers follow them.
#include "daemon/domain_xml/domain_xml.hpp"
#include "tests/support/tuning_xml_case.hpp"

#include <gtest/gtest.h>

#include <string>

namespace virtpind::test {
namespace {

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

TEST(VcpuKeys, FollowTheNumber)
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
    EXPECT_EQ(read->definition->cpus->realtime.str(), "0-3,8-11");
}

TEST(VcpuKeys, AreGivenBack)
{
    const auto before = keyed_guest();
    const auto seen = parse_domain_xml(before, PolicyCatalog{}, XmlKind::config);
    const auto text = applied(before, with_gaps());
    const auto tuned = parse_domain_xml(text, PolicyCatalog{}, XmlKind::config);
    BeforeImage image;
    image.parts = seen->definition->cpus->parts;
    image.config = seen->definition_pins();
    image.note_written(seen->definition->cpus->parts, tuned->definition->cpus->parts);
    auto undo = make_undo(image, tuned->definition->cpus->parts);
    EXPECT_TRUE(undo.not_reverted.empty());
    EXPECT_EQ(undo.revert.count("cputune/vcpusched"), 1U);
    EXPECT_EQ(undo.revert.count("cputune/memorytune"), 0U) << "it names the same vCPUs";
    DefinitionChange change{.mode = DefinitionChange::Mode::replace,
                            .pins = seen->definition->pins};
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
    undo = make_undo(image, now->definition->cpus->parts);
    EXPECT_EQ(undo.revert.count("vcpu") + undo.revert.count("vcpus") +
                  undo.revert.count("cputune/cachetune"),
              0U);
}

// Elements that name gaps only are not there, and come back.
TEST(VcpuKeys, ElementThatNamesNoVcpuAnyMoreGoes)
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
    DefinitionChange change{.mode = DefinitionChange::Mode::replace,
                            .pins = seen->definition->pins};
    change.tuning.revert = seen->definition->cpus->parts;
    change.tuning.revert.emplace("cpu/topology", "");
    const auto back = edit_definition(text, change);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(parse_domain_xml(*back, PolicyCatalog{}, XmlKind::config)->definition->cpus->parts,
              seen->definition->cpus->parts);
}

} // namespace
} // namespace virtpind::test
