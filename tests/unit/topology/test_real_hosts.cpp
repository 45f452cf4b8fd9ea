// SPDX-License-Identifier: LGPL-2.1-or-later
// The hosts in tests/cases/hosts, as hwloc XML.
#include "tests/support/read_hosts.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace virtpind::test {
namespace {

Topology host(const std::string& name)
{
    for (const auto& folder : host_folders()) {
        if (const auto file = folder / (name + ".xml"); std::filesystem::exists(file)) {
            auto topology = read_host("xml:" + file.string());
            expect_invariants(topology);
            return topology;
        }
    }
    ADD_FAILURE() << "no host " << name;
    return synthetic("pu:1");
}

TEST(RealHosts, AllLoadAndKeepTheInvariants)
{
    const auto files = host_files();
    for (const auto& file : files) {
        SCOPED_TRACE(file);
        expect_invariants(read_host("xml:" + file.string()));
    }
    EXPECT_GE(files.size(), 44U);
}

TEST(RealHosts, LiveOneLoads)
{
    expect_invariants(read_host("live"));
}

TEST(RealHosts, CoreTypesMakeAHybrid)
{
    const auto t = host("core-12700k");
    ASSERT_EQ(t.kinds.size(), 2U);
    EXPECT_EQ(sets(t.kinds), "0-15;16-19");
    EXPECT_EQ(t.kinds[0].core_class, CoreClass::performance);
    EXPECT_EQ(t.kinds[0].name, "IntelCore");
    EXPECT_EQ(t.kinds[1].core_class, CoreClass::efficiency);
    EXPECT_EQ(t.vendor, "GenuineIntel");
    EXPECT_EQ(t.cores.size(), 12U);
    EXPECT_EQ(sets(t.l3s), "0-19");
    EXPECT_TRUE(t.warnings.empty());
}

TEST(RealHosts, FrequencyAndCapacityAloneMakeNoKinds)
{
    for (const auto* name : {"kinds-by-frequency", "nodes-at-several-levels"}) {
        const auto t = host(name);
        EXPECT_FALSE(t.is_hybrid()) << name;
        EXPECT_EQ(t.kinds[0].core_class, CoreClass::uniform);
        ASSERT_FALSE(t.warnings.empty()) << name;
        EXPECT_NE(t.warnings.back().find("virtpind treats all cores alike"), std::string::npos)
            << t.warnings.back();
    }
}

TEST(RealHosts, UnlikeSmallL3sAreNoVcache)
{
    const auto t = host("unlike-l3s");
    EXPECT_EQ(sets(t.l3s), "0-3,12-15;4-11,16-23");
    EXPECT_EQ(t.l3s[0].size_bytes, 16U << 20U);
    EXPECT_EQ(t.l3s[1].size_bytes, 8U << 20U);
    EXPECT_FALSE(t.l3s[0].vcache);
    EXPECT_EQ(t.cores[0].cpus.str(), "0,12");
    EXPECT_EQ(t.vendor, "AuthenticAMD");
}

TEST(RealHosts, LargeServersWithOneNode)
{
    const auto epyc = host("epyc-9654");
    EXPECT_EQ(sets(epyc.packages), "0-95,192-287;96-191,288-383");
    EXPECT_EQ(epyc.cores.size(), 192U);
    EXPECT_EQ(epyc.l3s.size(), 24U);
    EXPECT_EQ(epyc.l3s[0].cpus.str(), "0-7,192-199");
    EXPECT_EQ(epyc.l3s[23].cpus.str(), "184-191,376-383");
    EXPECT_FALSE(epyc.l3s[0].vcache);
    EXPECT_EQ(sets(epyc.nodes), "0-383");
}

TEST(RealHosts, NodesAndDistances)
{
    const auto slit = host("eight-nodes-slit");
    EXPECT_EQ(sets(slit.packages), "0-31,64-95;32-63,96-127");
    EXPECT_EQ(slit.nodes[7].cpus.str(), "56-63,120-127");
    EXPECT_EQ(slit.distance[0], (std::vector<std::uint32_t>{10, 12, 12, 12, 32, 32, 32, 32}));

    const auto uv = host("uv-24-nodes");
    EXPECT_EQ(uv.cpus.size(), 384U);
    EXPECT_EQ(uv.cores[191].cpus.str(), "191,383");
    EXPECT_EQ(uv.nodes.size(), 24U);
    EXPECT_EQ(uv.l3s.size(), 24U);
    EXPECT_EQ(uv.distance[0][1], 50U);
    EXPECT_EQ(uv.distance[0][2], 65U);
}

TEST(RealHosts, FourThreadsPerCoreAndSparseNumbers)
{
    const auto t = host("power9");
    EXPECT_EQ(t.cores.size(), 8U);
    EXPECT_EQ(t.cores[1].cpus.str(), "4-7");
    EXPECT_EQ(t.cores[4].cpus.str(), "88-91");
    EXPECT_EQ(sets(t.packages), "0-15;88-103");
    ASSERT_EQ(t.nodes.size(), 2U);
    EXPECT_EQ(raw(t.nodes[1].id), 8U);
    EXPECT_EQ(t.find_node(NodeId{8})->cpus.str(), "88-103");
    EXPECT_EQ(t.distance[0], (std::vector<std::uint32_t>{10, 40}));
}

TEST(RealHosts, DevicesKnowTheirNodes)
{
    const auto power9 = host("power9");
    EXPECT_EQ(power9.find_device("0035:04:00.0")->nodes, NodeSet{NodeId{8}});
    EXPECT_EQ(power9.find_device("0035:04:00.0")->label, "VGA");

    const auto xeon = host("two-xeon-2670");
    EXPECT_EQ(xeon.find_device("0000:03:00.0")->nodes, NodeSet{NodeId{0}});
    EXPECT_EQ(xeon.find_device("0000:82:00.0")->nodes, NodeSet{NodeId{1}});
    EXPECT_EQ(xeon.find_device("0000:82:00.0")->cpus.str(), "8-15,24-31");

    const auto uv = host("uv-24-nodes");
    EXPECT_EQ(uv.devices.size(), 12U);
    EXPECT_TRUE(uv.nodes[0].has_io && uv.nodes[4].has_io);
    EXPECT_FALSE(uv.nodes[2].has_io);

    // Attached to the machine as a whole: local to all nodes, I/O of none.
    const auto dgx = host("dgx");
    EXPECT_EQ(dgx.find_device("0000:43:00.0")->nodes.str(), "0-3");
    EXPECT_FALSE(dgx.nodes[0].has_io);
}

TEST(RealHosts, HugepagesAreThoseOfEachNode)
{
    const auto t = host("uneven-hugepages");
    ASSERT_EQ(t.nodes[0].hugepages.size(), 1U);
    EXPECT_EQ(t.nodes[0].hugepages[0].page_kib, 2048U);
    EXPECT_EQ(t.nodes[0].hugepages[0].total, 1290U);
    EXPECT_EQ(t.nodes[0].hugepages[0].free, 1290U);
    EXPECT_EQ(t.nodes[1].hugepages[0].total, 758U);
}

TEST(RealHosts, OfflineCpus)
{
    const auto t = host("offline-cpus");
    EXPECT_EQ(t.all_cpus().str(), "0-15");
    EXPECT_EQ(t.online_cpus().str(), "0-1,3-4,6-12,15");
    EXPECT_EQ(t.usable_cpus().str(), "0-1,3-4,6-12,15");
    // Nobody tells where 2, 5, 13 and 14 are: own cores, and no package of the others.
    EXPECT_EQ(t.cores[raw(t.find(CpuId{5})->core)].cpus.str(), "5");
    EXPECT_EQ(sets(t.packages), "0,4,8,12;1,9;2,5,13-14;3,7,11,15;6,10");
}

TEST(RealHosts, CpusOutsideOfItsCgroupAreNotUsable)
{
    const auto t = host("limited-by-cgroup");
    EXPECT_EQ(t.all_cpus().str(), "0-31");
    EXPECT_EQ(t.usable_cpus().str(), "0-5");
    // The package still tells of 6 and 7.
    EXPECT_EQ(t.packages[0].cpus.str(), "0-7");
    EXPECT_EQ(t.find_node(NodeId{1})->cpus.str(), "4-7");
}

TEST(RealHosts, WithoutL3ThePackageCountsAsOne)
{
    const auto t = host("unlike-l2s");
    EXPECT_EQ(sets(t.l3s), "0,2,4,6;1,3,5,7");
    EXPECT_EQ(t.l3s[0].size_bytes, 0U);
    const auto l2s = std::count_if(t.caches.begin(), t.caches.end(),
                                   [](const Cache& cache) { return cache.level == 2; });
    EXPECT_EQ(l2s, 3);
}

TEST(RealHosts, NodesAtSeveralLevelsAndCpusWithoutOne)
{
    const auto t = host("nodes-at-several-levels");
    EXPECT_EQ(sets(t.nodes), "0-3;8-11;;20-23;4-7;12-19");
    EXPECT_EQ(t.distance[3], (std::vector<std::uint32_t>{40, 40, 50, 10, 50, 50}));

    const auto memory_side = host("memory-side-caches");
    EXPECT_EQ(memory_side.nodes.size(), 4U);
    EXPECT_EQ(memory_side.l3s.size(), 2U); // each over two nodes
    EXPECT_EQ(memory_side.distance[0], (std::vector<std::uint32_t>{10, 21, 11, 21}));
}

TEST(RealHosts, NodesThatHwlocLeavesOutHaveNoMemory)
{
    const auto t = host("memoryless-nodes");
    expect_invariants(t);
    EXPECT_EQ(sets(t.nodes), "0-15;16-31;32-47;48-63");
    EXPECT_EQ(t.all_nodes().str(), "0-3");
    EXPECT_EQ(t.memory_nodes().str(), "0,2");
    ASSERT_FALSE(t.warnings.empty());
    EXPECT_EQ(t.warnings[0], "CPUs 16-31,48-63 have no NUMA node with memory; they count as nodes "
                             "1,3 without memory.");
}

} // namespace
} // namespace virtpind::test
