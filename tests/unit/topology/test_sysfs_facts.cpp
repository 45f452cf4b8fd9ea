// SPDX-License-Identifier: LGPL-2.1-or-later
// What the kernel tells of a host beyond hwloc.
#include "daemon/topology/sysfs_facts.hpp"
#include "daemon/topology/topology_export.hpp"
#include "tests/support/read_hosts.hpp"
#include "tests/support/temporary_folder.hpp"

#include <gtest/gtest.h>

namespace virtpind::test {
namespace {

class SysfsFacts : public testing::Test {
protected:
    Topology host()
    {
        auto t = synthetic("pack:1 [numa(memory=8589934592)] l3:1 core:4 pu:1");
        t.nodes[0].hugepages = {{.page_kib = 2048, .total = 100, .free = 100}};
        add_live_facts(t, root_.path());
        return t;
    }

    TemporaryFolder root_; // in the place of /
};

TEST_F(SysfsFacts, WithoutFilesNothingChanges)
{
    const auto t = host();
    EXPECT_EQ(t.usable_cpus().str(), "0-3");
    EXPECT_FALSE(t.nodes[0].free_memory_kib);
    EXPECT_EQ(t.nodes[0].hugepages[0].free, 100U);
    EXPECT_TRUE(read_core_types(root_.path()).empty());
}

TEST_F(SysfsFacts, CpusetOfGuestsCountsAndNotThatOfTheDaemon)
{
    root_.write("sys/fs/cgroup/cpuset.cpus.effective", "0-2\n");
    EXPECT_EQ(host().usable_cpus().str(), "0-2");
    root_.write("sys/fs/cgroup/machine.slice/cpuset.cpus.effective", "1-3\n");
    root_.write("sys/fs/cgroup/system.slice/cpuset.cpus.effective", "0\n");
    EXPECT_EQ(host().usable_cpus().str(), "1-3");
    // What a guest has to itself the slice has no more, and guests all the same.
    root_.write("sys/fs/cgroup/machine.slice/cpuset.cpus.effective", "1\n");
    root_.write("sys/fs/cgroup/machine.slice/cpuset.cpus.exclusive.effective", "2-3\n");
    EXPECT_EQ(host().usable_cpus().str(), "1-3");
}

TEST_F(SysfsFacts, QuietCpusAreThoseOfTheKernelsCommandLine)
{
    const auto quiet = [this] {
        auto t = host();
        add_quiet_cpus(t, root_.path());
        return t;
    };
    EXPECT_TRUE(quiet().quiet_cpus().empty());
    root_.write("sys/devices/system/cpu/isolated", "2-3\n");
    root_.write("sys/devices/system/cpu/nohz_full", " (null)\n");
    EXPECT_EQ(quiet().isolated.str(), "2-3");
    EXPECT_TRUE(quiet().nohz_full.empty());
    EXPECT_TRUE(quiet().warnings.empty());
    root_.write("sys/devices/system/cpu/nohz_full", "1,3-64\n"); // the last ones are not there
    EXPECT_EQ(quiet().nohz_full.str(), "1,3");
    EXPECT_EQ(quiet().quiet_cpus().str(), "1-3");
    root_.write("sys/devices/system/cpu/isolated", "\n");
    EXPECT_TRUE(quiet().isolated.empty());
    EXPECT_TRUE(quiet().warnings.empty());
    for (const auto* bad : {"2-", "a", "5-2", "99999999"}) {
        root_.write("sys/devices/system/cpu/isolated", bad);
        const auto t = quiet();
        EXPECT_TRUE(t.isolated.empty()) << bad;
        ASSERT_EQ(t.warnings.size(), 1U) << bad;
        EXPECT_NE(t.warnings.front().find("/sys/devices/system/cpu/isolated"), std::string::npos);
    }
}

TEST_F(SysfsFacts, QuietCpusTravelWithAnExportedHost)
{
    root_.write("sys/devices/system/cpu/isolated", "0\n");
    const auto xml = export_topology_xml({.root = root_.path()}, {});
    ASSERT_TRUE(xml.ok());
    const auto t = read_host("xml:" + root_.write("host.xml", *xml).string());
    EXPECT_EQ(t.isolated, t.all_cpus() & CpuSet{CpuId{0}});
    EXPECT_TRUE(t.nohz_full.empty());
}

TEST_F(SysfsFacts, FileThatIsTooLongIsAsIfItWasNotThere)
{
    const auto cpus_in = [this](std::size_t bytes) {
        root_.write("sys/fs/cgroup/cpuset.cpus.effective", std::string(bytes - 4, '0') + "1-2\n");
        return host().usable_cpus().str();
    };
    EXPECT_EQ(cpus_in(64 * 1024), "1-2");
    EXPECT_EQ(cpus_in(64 * 1024 + 1), "0-3");
}

TEST_F(SysfsFacts, FreeMemoryIsAllThatNeedsNoSwapping)
{
    root_.write("sys/devices/system/node/node0/meminfo", "Node 0 MemTotal:        8388608 kB\n"
                                                         "Node 0 MemFree:         1000000 kB\n"
                                                         "Node 0 Active(file):     200000 kB\n"
                                                         "Node 0 Inactive(file):   300000 kB\n"
                                                         "Node 0 SReclaimable:      40000 kB\n");
    root_.write("sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages", "7\n");
    const auto t = host();
    EXPECT_EQ(t.nodes[0].free_memory_kib, 1540000U);
    EXPECT_EQ(t.nodes[0].hugepages[0].free, 7U);
    EXPECT_EQ(t.nodes[0].hugepages[0].total, 100U);
}

TEST_F(SysfsFacts, KernelsNodesAreThereWithoutMemory)
{
    EXPECT_TRUE(read_kernel_nodes(root_.path()).empty());
    root_.write("sys/devices/system/node/online", "0,2-3\n");
    root_.write("sys/devices/system/node/node0/cpulist", "0-1\n");
    root_.write("sys/devices/system/node/node0/distance", "10 16 32\n");
    root_.write("sys/devices/system/node/node2/cpulist", "2-3\n");
    root_.write("sys/devices/system/node/node2/distance", "16 10\n");
    const auto nodes = read_kernel_nodes(root_.path());
    ASSERT_EQ(nodes.size(), 3U);
    EXPECT_EQ(nodes[0].distance,
              (std::map<NodeId, std::uint32_t>{{NodeId{0}, 10}, {NodeId{2}, 16}, {NodeId{3}, 32}}));
    EXPECT_EQ(nodes[1].id, NodeId{2});
    EXPECT_EQ(nodes[1].cpus.str(), "2-3");
    EXPECT_TRUE(nodes[1].distance.empty()) << "some are missing";
    EXPECT_TRUE(nodes[2].cpus.empty());
}

TEST_F(SysfsFacts, RanksWhereAllCpusHaveOne)
{
    for (auto cpu = 0; cpu < 3; ++cpu) {
        root_.write("sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/acpi_cppc/highest_perf",
                    std::to_string(200 - cpu) + "\n");
    }
    for (const auto& cpu : host().cpus) {
        EXPECT_EQ(cpu.rank, 0U);
    }
    root_.write("sys/devices/system/cpu/cpu3/acpi_cppc/highest_perf", "160\n");
    // The preferred-core ranking stands above.
    root_.write("sys/devices/system/cpu/cpu3/cpufreq/amd_pstate_prefcore_ranking", "231\n");
    std::vector<std::uint32_t> ranks;
    for (const auto& cpu : host().cpus) {
        ranks.push_back(cpu.rank);
    }
    EXPECT_EQ(ranks, (std::vector<std::uint32_t>{31, 32, 33, 0}));
}

TEST_F(SysfsFacts, CoreTypesComeFromThePmuMasks)
{
    root_.write("sys/devices/cpu_core/cpus", "0-1\n");
    root_.write("sys/devices/cpu_atom/cpus", "2-3\n");
    auto t = host();
    classify_cores(t, read_core_types(root_.path()));
    EXPECT_EQ(sets(t.kinds), "0-1;2-3");
    EXPECT_EQ(t.kinds[1].core_class, CoreClass::efficiency);
}

} // namespace
} // namespace virtpind::test
