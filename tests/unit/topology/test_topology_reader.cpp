// SPDX-License-Identifier: LGPL-2.1-or-later
// Sources of topologies: how they are named, what is refused, and what hwloc's synthetic ones
// become.
#include "daemon/topology/core_kinds.hpp"
#include "daemon/topology/cpu_tree.hpp"
#include "daemon/topology/hwloc_handle.hpp"
#include "daemon/topology/node_places.hpp"
#include "daemon/topology/topology_export.hpp"
#include "daemon/topology/topology_reader.hpp"
#include "tests/support/read_hosts.hpp"
#include "tests/support/temporary_folder.hpp"

#include <gtest/gtest.h>
#include <hwloc.h>

#include <filesystem>

namespace virtpind::test {
namespace {

std::string refusal(const std::string& source)
{
    const auto parsed = parse_topology_source(source);
    if (!parsed) {
        return parsed.error().message;
    }
    const auto topology = read_topology(*parsed);
    EXPECT_FALSE(topology) << source;
    return topology ? "" : topology.error().message;
}

TEST(TopologySource, IsSpelledOneOfFourWays)
{
    EXPECT_EQ(parse_topology_source("live")->kind, TopologySource::Kind::live);
    EXPECT_EQ(parse_topology_source("xml:/a:b.xml")->text, "/a:b.xml");
    EXPECT_EQ(parse_topology_source("synthetic:pu:2")->text, "pu:2");
    EXPECT_EQ(parse_topology_source("lscpu:-")->kind, TopologySource::Kind::lscpu);
    for (const auto* text :
         {"", "xml:", "synthetic:", "lscpu:", "lscpu", "Live", "/a.xml", "live:"}) {
        const auto message = refusal(text);
        EXPECT_NE(message.find("is invalid; valid: live, xml:FILE, "
                               "synthetic:DESCRIPTION, lscpu:FILE"),
                  std::string::npos)
            << message;
    }
}

TEST(TopologySource, BadInputIsRefusedByName)
{
    EXPECT_NE(refusal("xml:/nonexistent.xml").find("failed to read file '/nonexistent.xml'"),
              std::string::npos);
    EXPECT_NE(refusal("xml:/etc/passwd").find("is not valid hwloc XML"), std::string::npos);
    EXPECT_NE(refusal("xml:/").find("failed to read"), std::string::npos);
    EXPECT_NE(refusal("synthetic:nonsense").find("'nonsense' is invalid"), std::string::npos);
}

TEST(TopologySource, FileOfANewerHwlocIsNoMistakeOfItsWriter)
{
    const TemporaryFolder folder;
    const auto file = folder.write("newer.xml", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                                                "<!DOCTYPE topology SYSTEM \"hwloc9.dtd\">\n"
                                                "<topology version=\"9.1\">\n</topology>\n");
    const auto message = refusal("xml:" + file.native());
    EXPECT_NE(message.find("in the XML format of hwloc 9.1"), std::string::npos) << message;
    EXPECT_NE(message.find("uses hwloc " HWLOC_VERSION), std::string::npos) << message;
    EXPECT_NE(message.find("lstopo --export-xml-flags v"), std::string::npos) << message;
    folder.write("newer.xml", "<topology version=\"\">");
    EXPECT_NE(refusal("xml:" + file.native()).find("is not valid hwloc XML"), std::string::npos);
}

TEST(TopologySource, SyntheticSizeIsBoundedBeforeHwlocBuildsIt)
{
    for (const auto* text : {"pack:1000 core:1000 pu:1000", "pu:16385", "200 200 2",
                             "pu:99999999999999999999", "pu:2(indexes=0,99999999)",
                             "pack:2 [numa(indexes=70000,1)] pu:2", "pu:4(indexes=20000*2:1*2)"}) {
        EXPECT_NE(refusal(std::string{"synthetic:"} + text).find("at most 16384 CPUs"),
                  std::string::npos)
            << text;
    }
    const auto long_text = [](std::size_t bytes) {
        return std::string(bytes - std::string{"pu:2"}.size(), ' ') + "pu:2";
    };
    EXPECT_EQ(synthetic(long_text(4096)).cpus.size(), 2U);
    EXPECT_NE(refusal("synthetic:" + long_text(4097)).find("4096 bytes"), std::string::npos);
    EXPECT_EQ(
        synthetic("pack:2 [numa(memory=68719476736)] l3:2(size=33554432) core:2 pu:2").cpus.size(),
        16U);
}

TEST(TopologySource, FileIsBounded)
{
    const TemporaryFolder folder;
    for (const std::uintmax_t bytes : {16U << 20U, (16U << 20U) + 1U}) {
        const auto file = folder.write("large.xml", "no hwloc XML");
        std::filesystem::resize_file(file, bytes);
        EXPECT_NE(refusal("xml:" + file.native())
                      .find(bytes > 16U << 20U ? "has more than 16777216 bytes"
                                               : "is not valid hwloc XML"),
                  std::string::npos);
    }
}

TEST(Synthetic, RegularHost)
{
    const auto t = synthetic("pack:2 [numa(memory=1073741824)] l3:2(size=16777216) core:2 pu:2");
    expect_invariants(t);
    EXPECT_EQ(sets(t.packages), "0-7;8-15");
    EXPECT_EQ(sets(t.nodes), "0-7;8-15");
    EXPECT_EQ(sets(t.l3s), "0-3;4-7;8-11;12-15");
    EXPECT_EQ(sets(t.cores), "0-1;2-3;4-5;6-7;8-9;10-11;12-13;14-15");
    EXPECT_EQ(t.l3s[0].size_bytes, 16777216U);
    EXPECT_EQ(t.nodes[1].memory_kib, 1048576U);
    EXPECT_FALSE(t.nodes[0].free_memory_kib);
    EXPECT_EQ(synthetic("pack:2 [numa] core:2 pu:1").nodes[0].memory_kib, 0U)
        << "nothing is said of it";
    EXPECT_EQ(t.distance, (std::vector<std::vector<std::uint32_t>>{{10, 20}, {20, 10}}));
    ASSERT_EQ(t.kinds.size(), 1U);
    EXPECT_EQ(t.kinds[0].core_class, CoreClass::uniform);
    EXPECT_TRUE(t.warnings.empty());
    EXPECT_EQ(t.usable_cpus().str(), "0-15");
}

TEST(Synthetic, IndexesNumberTheCpus)
{
    const auto t = synthetic("pack:1 [numa] l3:2 core:6 pu:2(indexes=2*12:12*1)");
    expect_invariants(t);
    EXPECT_EQ(sets(t.l3s), "0-5,12-17;6-11,18-23");
    EXPECT_EQ(t.cores[0].cpus.str(), "0,12");
    EXPECT_EQ(t.cores[11].cpus.str(), "11,23");
    EXPECT_TRUE(t.warnings.empty());
    const auto ignored = synthetic("core:6 pu:2(indexes=2*5)");
    ASSERT_EQ(ignored.warnings.size(), 1U);
    EXPECT_NE(ignored.warnings[0].find("indexes="), std::string::npos);
}

TEST(Synthetic, MissingLevelsAreMadeUp)
{
    const auto bare = synthetic("pu:4");
    expect_invariants(bare);
    EXPECT_EQ(sets(bare.cores), "0;1;2;3");
    EXPECT_EQ(sets(bare.packages), "0-3");
    EXPECT_EQ(sets(bare.nodes), "0-3");
    EXPECT_EQ(sets(bare.l3s), "0-3");
    EXPECT_EQ(bare.l3s[0].size_bytes, 0U);

    // Without L3s, the CPUs of one package and node count as one.
    const auto no_l3 = synthetic("pack:2 group:2 [numa] core:2 pu:1");
    expect_invariants(no_l3);
    EXPECT_EQ(sets(no_l3.l3s), "0-1;2-3;4-5;6-7");
}

TEST(Synthetic, L3OverSeveralNodesAndNodeOverSeveralPackages)
{
    const auto wide_l3 = synthetic("pack:1 l3:1 group:2 [numa] core:2 pu:1");
    expect_invariants(wide_l3);
    EXPECT_EQ(sets(wide_l3.l3s), "0-3");
    EXPECT_EQ(sets(wide_l3.nodes), "0-1;2-3");
    EXPECT_NE(raw(wide_l3.cores[0].node), raw(wide_l3.cores[2].node));

    const auto wide_node = synthetic("[numa] pack:2 core:2 pu:1");
    expect_invariants(wide_node);
    EXPECT_EQ(sets(wide_node.nodes), "0-3");
    EXPECT_EQ(sets(wide_node.packages), "0-1;2-3");
}

TEST(Synthetic, NodesWithoutCpusAndSparseNodeNumbers)
{
    // A second node beside the first is memory of another sort: it has no CPUs of its own.
    const auto t = synthetic("pack:2 [numa] [numa] core:2 pu:1");
    expect_invariants(t);
    EXPECT_EQ(sets(t.nodes), "0-1;;2-3;");
    EXPECT_EQ(t.distance.size(), 4U);

    const auto sparse = synthetic("pack:2 [numa(indexes=40,7)] core:2 pu:1");
    expect_invariants(sparse);
    EXPECT_EQ(sets(sparse.nodes), "2-3;0-1");
    EXPECT_EQ(sparse.find_node(NodeId{40})->cpus.str(), "0-1");
    EXPECT_EQ(raw(sparse.find(CpuId{0})->node), 1U);
}

TEST(KernelNodes, AddThoseThatHwlocLeavesOut)
{
    // hwloc has node 1 for the CPUs of nodes 0 and 1, of which 0 has no memory.
    const auto handle =
        load_hwloc({.kind = TopologySource::Kind::synthetic,
                    .text = "pack:2 [numa(memory=1073741824 indexes=1,2)] core:4 pu:1"});
    ASSERT_TRUE(handle);
    const std::vector<KernelNode> kernel_nodes{
        {.id = NodeId{0},
         .cpus = CpuSet{CpuId{0}, CpuId{1}},
         .distance = {{NodeId{0}, 10}, {NodeId{1}, 12}, {NodeId{2}, 31}}},
        {.id = NodeId{1},
         .cpus = CpuSet{CpuId{2}, CpuId{3}},
         .distance = {{NodeId{0}, 13}, {NodeId{1}, 10}, {NodeId{2}, 32}}},
        {.id = NodeId{2}, .cpus = CpuSet{CpuId{4}, CpuId{5}, CpuId{6}, CpuId{7}}, .distance = {}}};
    auto t = read_cpu_tree(handle->get(), kernel_nodes);
    ASSERT_TRUE(t);
    add_distances(handle->get(), kernel_nodes, *t);
    classify_cores(*t, {});
    expect_invariants(*t);
    EXPECT_EQ(sets(t->nodes), "0-1;2-3;4-7");
    EXPECT_EQ(t->memory_nodes().str(), "1-2");
    EXPECT_TRUE(t->warnings.empty());
    EXPECT_EQ(t->distance,
              (std::vector<std::vector<std::uint32_t>>{{10, 12, 31}, {13, 10, 20}, {20, 20, 10}}));
}

TEST(Vcache, IsLargeAndLargerThanASibling)
{
    // hwloc's synthetic L3s are all alike, so the file of an X3D is made from one.
    const auto plain = export_topology_xml(
        *parse_topology_source("synthetic:pack:1 [numa] l3:2(size=33554432) core:8 pu:2"), {});
    ASSERT_TRUE(plain);
    auto xml = *plain;
    const auto size = xml.find("cache_size=\"33554432\"");
    ASSERT_NE(size, std::string::npos);
    xml.replace(size, 21, "cache_size=\"100663296\"");
    const TemporaryFolder folder;
    const auto t = read_host("xml:" + folder.write("x3d.xml", xml).string());
    EXPECT_TRUE(t.l3s[0].vcache);
    EXPECT_FALSE(t.l3s[1].vcache);
    EXPECT_FALSE(synthetic("pack:1 [numa] l3:2(size=100663296) core:8 pu:2").l3s[0].vcache);
}

} // namespace
} // namespace virtpind::test
