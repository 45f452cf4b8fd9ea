// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/topology/sysfs_facts.hpp"
#include "daemon/topology/topology_export.hpp"
#include "daemon/topology/topology_reader.hpp"

#include <gtest/gtest.h>
#include <hwloc.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>

namespace virtpind::host {
namespace {

namespace fs = std::filesystem;

Topology read(const std::string& source)
{
    const auto parsed = parse_topology_source(source);
    EXPECT_TRUE(parsed);
    auto topology = read_topology(*parsed);
    EXPECT_TRUE(topology) << source << ": " << (topology ? "" : topology.error().message);
    return topology ? *topology : Topology{};
}

Topology synthetic(const std::string& description)
{
    return read("synthetic:" + description);
}

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

// "0-3;4-7" for the sets of a vector of groups.
template <class Group>
std::string sets(const std::vector<Group>& groups)
{
    std::string text;
    for (const auto& group : groups) {
        text += (text.empty() ? "" : ";") + group.cpus.str();
    }
    return text;
}

// Every CPU is in exactly one group of the kind, the one its index names; groups are in order.
template <class Group, class Index>
void expect_partition(const Topology& topology, const std::vector<Group>& groups, Index Cpu::*index,
                      const char* what)
{
    std::size_t total = 0;
    for (const auto& group : groups) {
        total += group.cpus.size();
    }
    EXPECT_EQ(total, topology.cpus.size()) << what;
    for (const auto& cpu : topology.cpus) {
        ASSERT_LT(raw(cpu.*index), groups.size()) << what;
        EXPECT_TRUE(groups[raw(cpu.*index)].cpus.contains(cpu.id)) << what << " " << raw(cpu.id);
    }
}

template <class Group>
void expect_ordered(const std::vector<Group>& groups, const char* what)
{
    EXPECT_TRUE(std::is_sorted(groups.begin(), groups.end(), [](const Group& a, const Group& b) {
        return a.cpus.front() < b.cpus.front();
    })) << what;
}

void expect_invariants(const Topology& t)
{
    ASSERT_FALSE(t.cpus.empty());
    EXPECT_FALSE(t.online_cpus().empty());
    EXPECT_TRUE(std::is_sorted(t.cpus.begin(), t.cpus.end(),
                               [](const Cpu& a, const Cpu& b) { return a.id < b.id; }));
    expect_partition(t, t.cores, &Cpu::core, "core");
    expect_partition(t, t.l3s, &Cpu::l3, "L3");
    expect_partition(t, t.nodes, &Cpu::node, "node");
    expect_partition(t, t.packages, &Cpu::package, "package");
    expect_partition(t, t.kinds, &Cpu::kind, "kind");
    expect_ordered(t.cores, "core");
    expect_ordered(t.l3s, "L3");
    expect_ordered(t.packages, "package");
    expect_ordered(t.kinds, "kind");
    for (const auto& core : t.cores) {
        for (const auto id : core.cpus) {
            const auto& cpu = *t.find(id);
            EXPECT_TRUE(cpu.l3 == core.l3 && cpu.node == core.node && cpu.package == core.package &&
                        cpu.kind == core.kind)
                << "CPU " << raw(id);
        }
    }
    EXPECT_TRUE(std::is_sorted(t.nodes.begin(), t.nodes.end(),
                               [](const Node& a, const Node& b) { return a.id < b.id; }));
    ASSERT_EQ(t.distance.size(), t.nodes.size());
    for (std::size_t i = 0; i < t.distance.size(); ++i) {
        ASSERT_EQ(t.distance[i].size(), t.nodes.size());
        EXPECT_EQ(t.distance[i][i], 10U);
    }
    for (const auto& device : t.devices) {
        EXPECT_EQ(t.find_device(device.address), &device);
        EXPECT_FALSE(device.nodes.empty());
    }
    for (const auto& cpu : t.cpus) {
        EXPECT_TRUE(cpu.online || !cpu.allowed) << raw(cpu.id);
    }
}

TEST(TopologySource, IsSpelledOneOfThreeWays)
{
    EXPECT_EQ(parse_topology_source("live")->kind, TopologySource::Kind::live);
    EXPECT_EQ(parse_topology_source("xml:/a:b.xml")->text, "/a:b.xml");
    EXPECT_EQ(parse_topology_source("synthetic:pu:2")->text, "pu:2");
    for (const auto* text : {"", "xml:", "synthetic:", "Live", "/a.xml", "live:"}) {
        const auto message = refusal(text);
        EXPECT_NE(message.find("is invalid; valid: live, xml:FILE, synthetic:DESCRIPTION"),
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
    const auto file = fs::path{testing::TempDir()} / "virtpind_newer.xml";
    std::ofstream{file} << "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                           "<!DOCTYPE topology SYSTEM \"hwloc9.dtd\">\n"
                           "<topology version=\"9.1\">\n</topology>\n";
    const auto message = refusal("xml:" + file.native());
    EXPECT_NE(message.find("in the XML format of hwloc 9.1"), std::string::npos) << message;
    EXPECT_NE(message.find("uses hwloc " HWLOC_VERSION), std::string::npos) << message;
    EXPECT_NE(message.find("lstopo --export-xml-flags v"), std::string::npos) << message;
    std::ofstream{file} << "<topology version=\"\">";
    EXPECT_NE(refusal("xml:" + file.native()).find("is not valid hwloc XML"), std::string::npos);
    fs::remove(file);
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
    const auto file = fs::path{testing::TempDir()} / "virtpind_large.xml";
    for (const std::uintmax_t bytes : {16U << 20U, (16U << 20U) + 1U}) {
        std::ofstream{file} << "no hwloc XML";
        fs::resize_file(file, bytes);
        EXPECT_NE(refusal("xml:" + file.native())
                      .find(bytes > 16U << 20U ? "has more than 16777216 bytes"
                                               : "is not valid hwloc XML"),
                  std::string::npos);
    }
    fs::remove(file);
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

class SampleHosts : public testing::Test {
protected:
    void SetUp() override
    {
        const auto* path = std::getenv("VIRTPIND_TOPOLOGIES");
        if (path == nullptr) {
            GTEST_SKIP()
                << "no sample hosts: meson configure BUILD -Dtopologies_dir=DIR, a folder of "
                   "hwloc XML files, and meson test -C BUILD test_topology_reader";
        }
        folder_ = path;
    }

    Topology host(const std::string& name)
    {
        auto topology = read("xml:" + (folder_ / (name + ".xml")).string());
        expect_invariants(topology);
        return topology;
    }

    fs::path folder_;
};

TEST_F(SampleHosts, AllLoadAndKeepTheInvariants)
{
    auto count = 0;
    for (const auto& entry : fs::directory_iterator{folder_}) {
        if (entry.path().extension() == ".xml") {
            SCOPED_TRACE(entry.path().filename());
            expect_invariants(read("xml:" + entry.path().string()));
            ++count;
        }
    }
    EXPECT_GE(count, 21);
}

TEST_F(SampleHosts, HybridWithCoreTypes)
{
    const auto t = host("intel-raptorlake-i7-1370p");
    ASSERT_EQ(t.kinds.size(), 2U);
    EXPECT_EQ(sets(t.kinds), "0-11;12-19");
    EXPECT_EQ(t.kinds[0].core_class, CoreClass::performance);
    EXPECT_EQ(t.kinds[0].name, "IntelCore");
    EXPECT_EQ(t.kinds[1].core_class, CoreClass::efficiency);
    EXPECT_EQ(t.vendor, "GenuineIntel");
    EXPECT_EQ(t.cores.size(), 14U);
    EXPECT_EQ(sets(t.l3s), "0-19");
    EXPECT_TRUE(t.warnings.empty());
}

TEST_F(SampleHosts, FrequencyAndCapacityAloneMakeNoKinds)
{
    for (const auto* name : {"intel-hybrid-6p8e", "arm-nvidia-dgx-gb10"}) {
        const auto t = host(name);
        EXPECT_FALSE(t.is_hybrid()) << name;
        EXPECT_EQ(t.kinds[0].core_class, CoreClass::uniform);
        ASSERT_EQ(t.warnings.size(), 1U) << name;
        EXPECT_NE(t.warnings[0].find("virtpind treats all cores alike"), std::string::npos);
    }
    const auto gb10 = host("arm-nvidia-dgx-gb10");
    EXPECT_EQ(sets(gb10.l3s), "0-9;10-19");
    EXPECT_EQ(gb10.l3s[1].size_bytes, 16U << 20U);
    EXPECT_EQ(gb10.nodes[0].memory_kib, 125508468U);
}

TEST_F(SampleHosts, UnlikeSmallL3sAreNoVcache)
{
    const auto t = host("amd-zen5-ryzen-ai-9-hx370");
    EXPECT_EQ(sets(t.l3s), "0-3,12-15;4-11,16-23");
    EXPECT_EQ(t.l3s[0].size_bytes, 16U << 20U);
    EXPECT_EQ(t.l3s[1].size_bytes, 8U << 20U);
    EXPECT_FALSE(t.l3s[0].vcache);
    EXPECT_EQ(t.cores[0].cpus.str(), "0,12");
    EXPECT_EQ(t.vendor, "AuthenticAMD");
}

TEST_F(SampleHosts, LargeServersWithOneNode)
{
    const auto zen1 = host("amd-zen1-2xepyc-7451");
    EXPECT_EQ(sets(zen1.packages), "0-23,48-71;24-47,72-95");
    EXPECT_EQ(zen1.l3s.size(), 16U);
    EXPECT_EQ(zen1.l3s[0].cpus.str(), "0-2,48-50");
    EXPECT_EQ(sets(zen1.nodes), "0-95");

    const auto zen3 = host("amd-zen3-2xepyc-7763");
    EXPECT_EQ(zen3.cores.size(), 128U);
    EXPECT_EQ(zen3.l3s.size(), 16U);
    EXPECT_EQ(zen3.l3s[15].cpus.str(), "120-127");
    EXPECT_FALSE(zen3.l3s[0].vcache);

    const auto skylake = host("intel-skylake-2xxeon-6140");
    EXPECT_EQ(skylake.cpus.size(), 72U);
    EXPECT_EQ(skylake.cores[0].cpus.str(), "0,36");
    ASSERT_EQ(skylake.packages.size(), 2U);
    EXPECT_TRUE(skylake.packages[1].cpus.contains(CpuId{71}));
    EXPECT_EQ(sets(skylake.l3s), sets(skylake.packages));
}

TEST_F(SampleHosts, NodesDistancesAndSparseNumbers)
{
    const auto kunpeng = host("arm-kunpeng-128c-clusters");
    EXPECT_EQ(sets(kunpeng.nodes), "0-31;32-63;64-95;96-127");
    EXPECT_EQ(sets(kunpeng.packages), "0-63;64-127");
    EXPECT_EQ(kunpeng.distance[0], (std::vector<std::uint32_t>{10, 16, 32, 33}));

    const auto opteron = host("opteron-4p-sparse-numbering");
    std::string ids;
    for (const auto& node : opteron.nodes) {
        ids += std::to_string(raw(node.id)) + " ";
    }
    EXPECT_EQ(ids, "0 1 2 33 34 45 72 73 ");
    EXPECT_EQ(opteron.find_node(NodeId{72})->cpus.str(), "36-41");
    EXPECT_EQ(opteron.packages.size(), 4U);

    const auto uv = host("sgi-uv-384-threads");
    EXPECT_EQ(uv.cpus.size(), 384U);
    EXPECT_EQ(uv.cores[191].cpus.str(), "191,383");
    EXPECT_EQ(uv.nodes.size(), 24U);
    EXPECT_EQ(uv.l3s.size(), 24U);
}

TEST_F(SampleHosts, FourThreadsPerCoreAndPackagesBelowNodes)
{
    const auto t = host("power7-256-threads");
    EXPECT_EQ(t.cores.size(), 64U);
    EXPECT_EQ(t.cores[1].cpus.str(), "4-7");
    EXPECT_EQ(t.packages.size(), 64U);
    EXPECT_EQ(t.nodes.size(), 8U);
    EXPECT_EQ(t.nodes[2].cpus.str(), "64-95");
    EXPECT_EQ(raw(t.nodes[2].id), 4U);
}

TEST_F(SampleHosts, DevicesKnowTheirNodes)
{
    const auto power8 = host("power8-gpu-numa");
    EXPECT_EQ(power8.find_device("000a:01:00.0")->nodes, NodeSet{NodeId{1}});
    EXPECT_EQ(power8.find_device("000a:01:00.0")->label, "3D");
    EXPECT_EQ(power8.cores[4].cpus.str(), "80-81");

    const auto xeon = host("xeon-2n6c2t-pci");
    EXPECT_EQ(xeon.find_device("0000:14:00.0")->nodes, NodeSet{NodeId{1}});
    EXPECT_EQ(xeon.find_device("0000:01:03.0")->nodes, NodeSet{NodeId{0}});
    EXPECT_TRUE(xeon.nodes[0].has_io && xeon.nodes[1].has_io);

    const auto phi = host("xeon-2p8c2t-pci");
    EXPECT_EQ(phi.devices.size(), 12U);
    EXPECT_TRUE(phi.nodes[0].has_io);
    EXPECT_FALSE(phi.nodes[1].has_io);
    ASSERT_EQ(phi.nodes[0].hugepages.size(), 2U);
    EXPECT_EQ(phi.nodes[0].hugepages[0].page_kib, 2048U);
    EXPECT_EQ(phi.nodes[0].hugepages[0].total, 2048U);
    EXPECT_EQ(phi.nodes[0].hugepages[0].free, 2048U);

    // Attached to the machine as a whole: local to all nodes, I/O of none.
    const auto locality = host("xeon-2g2n4c-pci-locality");
    EXPECT_EQ(locality.find_device("0000:43:00.0")->nodes.str(), "0-3");
    EXPECT_FALSE(locality.nodes[0].has_io);

    const auto dunnington = host("xeon-4n-dunnington-96c-pci");
    EXPECT_EQ(dunnington.find_device("0000:62:00.1")->nodes.str(), "2");
    EXPECT_EQ(dunnington.find_device("0000:62:00.1")->cpus.str(), "48-71");
}

TEST_F(SampleHosts, OfflineCpus)
{
    const auto t = host("xeon-4s2c2t-offline-cpus");
    EXPECT_EQ(t.all_cpus().str(), "0-15");
    EXPECT_EQ(t.online_cpus().str(), "0-1,3-4,6-12,15");
    EXPECT_EQ(t.usable_cpus().str(), "0-1,3-4,6-12,15");
    // Nobody tells where 2, 5, 13 and 14 are: own cores, and no package of the others.
    EXPECT_EQ(t.cores[raw(t.find(CpuId{5})->core)].cpus.str(), "5");
    EXPECT_EQ(sets(t.packages), "0,4,8,12;1,9;2,5,13-14;3,7,11,15;6,10");

    const auto caged = host("opteron-cgroup2-limited");
    EXPECT_EQ(caged.all_cpus().str(), "0-31");
    EXPECT_EQ(caged.usable_cpus().str(), "0-5");
    // The package still tells of 6 and 7.
    EXPECT_EQ(caged.packages[0].cpus.str(), "0-7");
    EXPECT_EQ(caged.find_node(NodeId{1})->cpus.str(), "4-7");
}

TEST_F(SampleHosts, HostsWithoutL3)
{
    const auto t = host("xeon-asymmetric-caches");
    EXPECT_EQ(sets(t.l3s), "0,2,4,6;1,3,5,7");
    EXPECT_EQ(t.l3s[0].size_bytes, 0U);
    const auto l2s = std::count_if(t.caches.begin(), t.caches.end(),
                                   [](const Cache& cache) { return cache.level == 2; });
    EXPECT_EQ(l2s, 3);
}

TEST_F(SampleHosts, NodesAtSeveralLevelsAndCpusWithoutOne)
{
    const auto t = host("fake-hetero-cpu-numa");
    EXPECT_EQ(sets(t.nodes), "0-7;8-11;;12-23");
    EXPECT_EQ(t.distance[3], (std::vector<std::uint32_t>{40, 40, 50, 10}));
    ASSERT_EQ(t.warnings.size(), 2U);
    EXPECT_NE(t.warnings[0].find("CPUs 4-7,12-19 have no NUMA node of their own"),
              std::string::npos);

    const auto memory_side = host("xeon-memory-side-caches");
    EXPECT_EQ(memory_side.nodes.size(), 4U);
    EXPECT_EQ(memory_side.l3s.size(), 2U); // each over two nodes
    EXPECT_EQ(memory_side.distance[0], (std::vector<std::uint32_t>{10, 21, 11, 21}));
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
    const auto path = fs::path{testing::TempDir()} / "virtpind_x3d.xml";
    std::ofstream{path} << xml;
    const auto t = read("xml:" + path.string());
    fs::remove(path);
    EXPECT_TRUE(t.l3s[0].vcache);
    EXPECT_FALSE(t.l3s[1].vcache);
    EXPECT_FALSE(synthetic("pack:1 [numa] l3:2(size=100663296) core:8 pu:2").l3s[0].vcache);
}

TEST(CoreKinds, LowPowerCoresSitOutsideTheL3)
{
    auto t = synthetic("pack:1 [numa] l3:2(size=25165824) core:4 pu:1");
    t.l3s[1].size_bytes = 0; // as if cores 4-7 had none
    classify_cores(t, {{*CpuSet::parse("0-1"), "IntelCore"}, {*CpuSet::parse("2-7"), "IntelAtom"}});
    expect_invariants(t);
    EXPECT_EQ(sets(t.kinds), "0-1;2-3;4-7");
    EXPECT_EQ(t.kinds[2].core_class, CoreClass::low_power);
}

TEST(CoreKinds, DoubtMeansUniform)
{
    auto t = synthetic("pack:1 [numa] core:4 pu:1");
    classify_cores(t, {{*CpuSet::parse("0-1"), "IntelCore"}, {*CpuSet::parse("2"), "IntelAtom"}});
    EXPECT_FALSE(t.is_hybrid());
    ASSERT_EQ(t.warnings.size(), 1U);
    EXPECT_NE(t.warnings[0].find("CPUs 3"), std::string::npos);

    auto one_type = synthetic("pack:1 [numa] core:4 pu:1");
    classify_cores(one_type, {{*CpuSet::parse("0-3"), "IntelCore"}});
    EXPECT_FALSE(one_type.is_hybrid());
    EXPECT_EQ(one_type.kinds[0].core_class, CoreClass::uniform);
    EXPECT_TRUE(one_type.warnings.empty());
}

class LiveFacts : public testing::Test {
protected:
    void SetUp() override
    {
        const auto* test = testing::UnitTest::GetInstance()->current_test_info()->name();
        root_ = fs::path{testing::TempDir()} / (std::string{"virtpind_live_"} + test);
        fs::remove_all(root_);
    }

    void TearDown() override { fs::remove_all(root_); }

    void write(const std::string& path, const std::string& text)
    {
        const auto file = root_ / path;
        fs::create_directories(file.parent_path());
        std::ofstream{file} << text;
    }

    Topology host()
    {
        auto t = synthetic("pack:1 [numa(memory=8589934592)] l3:1 core:4 pu:1");
        t.nodes[0].hugepages = {{.page_kib = 2048, .total = 100, .free = 100}};
        add_live_facts(t, root_);
        return t;
    }

    fs::path root_;
};

TEST_F(LiveFacts, NothingToldChangesNothing)
{
    const auto t = host();
    EXPECT_EQ(t.usable_cpus().str(), "0-3");
    EXPECT_FALSE(t.nodes[0].free_memory_kib);
    EXPECT_EQ(t.nodes[0].hugepages[0].free, 100U);
    EXPECT_TRUE(read_core_types(root_).empty());
}

TEST_F(LiveFacts, GuestsCpusetCountsNotOurs)
{
    write("sys/fs/cgroup/cpuset.cpus.effective", "0-2\n");
    EXPECT_EQ(host().usable_cpus().str(), "0-2");
    write("sys/fs/cgroup/machine.slice/cpuset.cpus.effective", "1-3\n");
    write("sys/fs/cgroup/system.slice/cpuset.cpus.effective", "0\n");
    EXPECT_EQ(host().usable_cpus().str(), "1-3");
}

TEST_F(LiveFacts, QuietCpusAreThoseOfTheKernelsCommandLine)
{
    const auto quiet = [this] {
        auto t = host();
        add_quiet_cpus(t, root_);
        return t;
    };
    EXPECT_TRUE(quiet().quiet_cpus().empty());
    write("sys/devices/system/cpu/isolated", "2-3\n");
    write("sys/devices/system/cpu/nohz_full", " (null)\n");
    EXPECT_EQ(quiet().isolated.str(), "2-3");
    EXPECT_TRUE(quiet().nohz_full.empty());
    EXPECT_TRUE(quiet().warnings.empty());
    write("sys/devices/system/cpu/nohz_full", "1,3-64\n"); // the last ones are not there
    EXPECT_EQ(quiet().nohz_full.str(), "1,3");
    EXPECT_EQ(quiet().quiet_cpus().str(), "1-3");
    write("sys/devices/system/cpu/isolated", "\n");
    EXPECT_TRUE(quiet().isolated.empty());
    EXPECT_TRUE(quiet().warnings.empty());
    for (const auto* bad : {"2-", "a", "5-2", "99999999"}) {
        write("sys/devices/system/cpu/isolated", bad);
        const auto t = quiet();
        EXPECT_TRUE(t.isolated.empty()) << bad;
        ASSERT_EQ(t.warnings.size(), 1U) << bad;
        EXPECT_NE(t.warnings.front().find("/sys/devices/system/cpu/isolated"), std::string::npos);
    }
}

TEST_F(LiveFacts, QuietCpusTravelWithAnExportedHost)
{
    write("sys/devices/system/cpu/isolated", "0\n");
    const auto xml = export_topology_xml({.root = root_}, {});
    ASSERT_TRUE(xml.ok());
    std::ofstream{root_ / "host.xml"} << *xml;
    const auto t =
        read_topology({.kind = TopologySource::Kind::xml, .text = (root_ / "host.xml").native()});
    ASSERT_TRUE(t.ok());
    EXPECT_EQ(t->isolated, t->all_cpus() & CpuSet{CpuId{0}});
    EXPECT_TRUE(t->nohz_full.empty());
}

TEST_F(LiveFacts, WhatIsTooLongIsAsIfItWasNotThere)
{
    const auto cpus_in = [this](std::size_t bytes) {
        write("sys/fs/cgroup/cpuset.cpus.effective", std::string(bytes - 4, '0') + "1-2\n");
        return host().usable_cpus().str();
    };
    EXPECT_EQ(cpus_in(64 * 1024), "1-2");
    EXPECT_EQ(cpus_in(64 * 1024 + 1), "0-3");
}

TEST_F(LiveFacts, FreeMemoryIsWhatCanBeHadWithoutSwapping)
{
    write("sys/devices/system/node/node0/meminfo", "Node 0 MemTotal:        8388608 kB\n"
                                                   "Node 0 MemFree:         1000000 kB\n"
                                                   "Node 0 Active(file):     200000 kB\n"
                                                   "Node 0 Inactive(file):   300000 kB\n"
                                                   "Node 0 SReclaimable:      40000 kB\n");
    write("sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages", "7\n");
    const auto t = host();
    EXPECT_EQ(t.nodes[0].free_memory_kib, 1540000U);
    EXPECT_EQ(t.nodes[0].hugepages[0].free, 7U);
    EXPECT_EQ(t.nodes[0].hugepages[0].total, 100U);
}

TEST_F(LiveFacts, RanksWhereAllCpusHaveOne)
{
    for (auto cpu = 0; cpu < 3; ++cpu) {
        write("sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/acpi_cppc/highest_perf",
              std::to_string(200 - cpu) + "\n");
    }
    for (const auto& cpu : host().cpus) {
        EXPECT_EQ(cpu.rank, 0U);
    }
    write("sys/devices/system/cpu/cpu3/acpi_cppc/highest_perf", "160\n");
    // The preferred-core ranking stands above.
    write("sys/devices/system/cpu/cpu3/cpufreq/amd_pstate_prefcore_ranking", "231\n");
    std::vector<std::uint32_t> ranks;
    for (const auto& cpu : host().cpus) {
        ranks.push_back(cpu.rank);
    }
    EXPECT_EQ(ranks, (std::vector<std::uint32_t>{31, 32, 33, 0}));
}

TEST_F(LiveFacts, CoreTypesComeFromThePmuMasks)
{
    write("sys/devices/cpu_core/cpus", "0-1\n");
    write("sys/devices/cpu_atom/cpus", "2-3\n");
    auto t = host();
    classify_cores(t, read_core_types(root_));
    EXPECT_EQ(sets(t.kinds), "0-1;2-3");
    EXPECT_EQ(t.kinds[1].core_class, CoreClass::efficiency);
}

TEST(LiveHost, Loads)
{
    expect_invariants(read("live"));
}

TEST(ExportTopology, LabelsCpusAndStaysReadable)
{
    const auto source =
        *parse_topology_source("synthetic:pack:1 [numa(memory=1073741824)] core:4 pu:1");
    const auto xml = export_topology_xml(
        source, {{"win11 <&>", *CpuSet::parse("0-1"), {{CpuId{1}, "win11 <&> vCPU 0"}}},
                 {"pool", *CpuSet::parse("1-3"), {}}});
    ASSERT_TRUE(xml);
    EXPECT_NE(xml->find("type=\"Misc\""), std::string::npos);
    EXPECT_NE(xml->find("name=\"win11 &lt;&amp;&gt; vCPU 0\""), std::string::npos);
    std::size_t styles = 0;
    for (auto at = xml->find("lstopoStyle"); at != std::string::npos;
         at = xml->find("lstopoStyle", at + 1)) {
        ++styles;
    }
    EXPECT_EQ(styles, 8U); // each CPU and its Misc object
    EXPECT_NE(xml->find("name=\"virtpind\" value=\"win11 &lt;&amp;&gt;\""), std::string::npos);
    const auto path = fs::path{testing::TempDir()} / "virtpind_export.xml";
    std::ofstream{path} << *xml;
    const auto again = read("xml:" + path.string());
    fs::remove(path);
    EXPECT_TRUE(same_layout(again, synthetic("pack:1 [numa(memory=1073741824)] core:4 pu:1")));
}

TEST(ExportTopology, NoGuestHasTheColoursOfHousekeepingAndPool)
{
    using Whose = TopologyLabel::Whose;
    std::vector<TopologyLabel> labels;
    for (std::uint32_t cpu = 0; cpu < 30; ++cpu) {
        labels.push_back({.name = "guest", .cpus = CpuSet{CpuId{cpu}}, .threads = {}});
    }
    labels.push_back({"housekeeping", *CpuSet::parse("30"), {}, Whose::housekeeping});
    labels.push_back({"pool", *CpuSet::parse("31"), {}, Whose::pool});
    const auto xml =
        export_topology_xml(*parse_topology_source("synthetic:pack:1 [numa] core:32 pu:1"), labels);
    ASSERT_TRUE(xml);
    std::map<std::string, std::set<std::string>> colours; // by label
    const std::regex pair{
        R"re("lstopoStyle" value="([^"]*)"/>\s*<info name="virtpind" value="(\w+)")re"};
    for (std::sregex_iterator at{xml->begin(), xml->end(), pair}, end; at != end; ++at) {
        colours[(*at)[2]].insert((*at)[1]);
    }
    ASSERT_EQ(colours.size(), 3U);
    ASSERT_EQ(colours["housekeeping"].size(), 1U);
    ASSERT_EQ(colours["pool"].size(), 1U);
    EXPECT_NE(colours["housekeeping"], colours["pool"]);
    for (const auto* other : {"housekeeping", "pool"}) {
        EXPECT_FALSE(colours["guest"].contains(*colours[other].begin())) << other;
    }
}

} // namespace
} // namespace virtpind::host
