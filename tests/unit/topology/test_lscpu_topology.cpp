// SPDX-License-Identifier: LGPL-2.1-or-later
// Tables of lscpu as people post them, and what is refused.
#include "daemon/topology/lscpu_topology.hpp"
#include "daemon/topology/topology_reader.hpp"
#include "tests/support/cpu_sets.hpp"
#include "tests/support/temporary_folder.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace virtpind::test {
namespace {

constexpr auto two_sockets = R"(CPU NODE SOCKET CORE L1d:L1i:L2:L3 ONLINE    MAXMHZ   MINMHZ
0   0    0      0    0:0:0:0       yes    3200.0000 1200.0000
1   1    1      1    1:1:1:1       yes    3200.0000 1200.0000
2   0    0      0    0:0:0:0       yes    3200.0000 1200.0000
3   1    1      1    1:1:1:1       yes    3200.0000 1200.0000
4   -    -      -    -             no             -         -
)";

Topology read(std::string_view text)
{
    const auto topology = read_lscpu_topology(text);
    EXPECT_TRUE(topology) << topology.error().message;
    return topology ? *topology : Topology{};
}

std::string refusal_of(std::string_view text)
{
    const auto topology = read_lscpu_topology(text);
    EXPECT_FALSE(topology) << text;
    return topology ? "" : topology.error().message;
}

bool warns(const Topology& topology, std::string_view of)
{
    return std::any_of(topology.warnings.begin(), topology.warnings.end(),
                       [of](const auto& text) { return text.find(of) != std::string::npos; });
}

TEST(Lscpu, ExtendedTableIsAHost)
{
    const auto host = read(two_sockets);
    EXPECT_EQ(host.all_cpus(), cpus("0-4"));
    EXPECT_EQ(host.online_cpus(), cpus("0-3"));
    ASSERT_EQ(host.nodes.size(), 2U);
    EXPECT_EQ(host.nodes[1].cpus, cpus("1,3"));
    EXPECT_EQ(host.nodes[1].memory_kib, 0U);
    ASSERT_EQ(host.cores.size(), 3U);
    EXPECT_EQ(host.cores[0].cpus, cpus("0,2"));
    EXPECT_EQ(host.cores[2].cpus, cpus("4"));
    EXPECT_EQ(host.l3s[0].cpus, cpus("0,2"));
    EXPECT_EQ(host.packages[1].cpus, cpus("1,3"));
    EXPECT_EQ(host.distance, (std::vector<std::vector<std::uint32_t>>{{10, 20}, {20, 10}}));
    EXPECT_FALSE(host.is_hybrid());
    EXPECT_TRUE(warns(host, "does not tell the sizes of caches")) << host.warnings.size();
    EXPECT_EQ(host.warnings.size(), 1U);
}

// The same host by `lscpu -p`, by columns of one's own choice, and as it was pasted somewhere.
TEST(Lscpu, AllFormsTellTheSame)
{
    for (const auto* text : {
             "# The following is the parsable format, which can be fed to other\n"
             "# programs. Each different item in every column has an unique ID\n"
             "# starting usually from zero.\n# CPU,Core,Socket,Node,,L1d,L1i,L2,L3\n"
             "0,0,0,0,,0,0,0,0\n1,1,1,1,,1,1,1,1\n2,0,0,0,,0,0,0,0\n3,1,1,1,,1,1,1,1\n",
             "# CPU,Core,,L1d,L1i,L2,L3,Online,Node,Socket\n0,0,,0,0,0,0,Y,0,0\n"
             "1,1,,1,1,1,1,Y,1,1\n3,1,,1,1,1,1,Y,1,1\n2,0,,0,0,0,0,Y,0,0\n",
             "```\n$ lscpu -e=cpu,core,socket,node,cache\r\n\r\nCPU CORE SOCKET NODE "
             "L1d:L1i:L2:L3\r\n"
             "  0    0      0    0 0:0:0:0\r\n  1    1      1    1 1:1:1:1\r\n"
             "  2    0      0    0 0:0:0:0\r\n  3    1      1    1 1:1:1:1\r\n```\n",
             // -y: the hardware's numbers, which repeat
             "CPU NODE SOCKET CORE L1d:L1i:L2:L3 ONLINE\n0 0 0 0 0:0:0:0 yes\n1 1 1 0 0:0:0:0 yes\n"
             "2 0 0 0 0:0:0:0 yes\n3 1 1 0 0:0:0:0 yes\n",
             // from a web page, after a prompt
             "root@pve:~# lscpu -e=CORE,CPU,NODE\nCORE\tCPU\tNODE\tSOCKET\tL3\n0\t0\t0\t0\t0\n"
             "1\t1\t1\t1\t1\n0\t2\t0\t0\t0\n1\t3\t1\t1\t1\n",
             "# lscpu -p=CORE,CPU,NODE,SOCKET,L3\n# Core,CPU,Node,Socket,L3\n0,0,0,0,0\n1,1,1,1,1\n"
             "0,2,0,0,0\n1,3,1,1,1\n",
             "CPU CORE SOCKET NODE L3 MODELNAME\n0 0 0 0 0 Xeon E5 @ 2 GHz\n1 1 1 1 1 Xeon E5 @ 2 "
             "GHz\n"
             "2 0 0 0 0 Xeon E5 @ 2 GHz\n3 1 1 1 1 Xeon E5 @ 2 GHz\n",
         }) {
        const auto host = read(text);
        EXPECT_EQ(host.online_cpus(), cpus("0-3")) << text;
        ASSERT_EQ(host.cores.size(), 2U) << text;
        EXPECT_EQ(host.cores[0].cpus, cpus("0,2")) << text;
        ASSERT_EQ(host.l3s.size(), 2U) << text;
        EXPECT_EQ(host.l3s[1].cpus, cpus("1,3")) << text;
        ASSERT_EQ(host.packages.size(), 2U) << text;
        ASSERT_EQ(host.nodes.size(), 2U) << text;
    }
}

// `lscpu -a -p` does not say which CPUs are offline; it tells nothing of them.
TEST(Lscpu, CpusOfWhichNothingIsToldAreOffline)
{
    const auto host = read("# CPU,Core,Socket,Node,,L1d,L1i,L2,L3\n"
                           "0,0,0,0,,0,0,0,0\n1,,,,,,,,\n2,1,0,0,,1,1,1,0\n3,,,,,,,,\n");
    EXPECT_EQ(host.online_cpus(), cpus("0,2"));
    EXPECT_EQ(host.all_cpus(), cpus("0-3"));
    EXPECT_EQ(read("CPU CORE\n0 -\n1 -\n").online_cpus(), cpus("0-1")) << "nobody knows";
}

// Numbers of the hardware repeat in each die of a socket: no core is on two nodes or L3s.
TEST(Lscpu, CoresAreWithinOneL3AndNode)
{
    const auto host = read("CPU NODE SOCKET CORE L3\n0 0 0 0 0\n1 0 0 0 0\n2 1 0 0 1\n"
                           "3 1 0 0 1\n4 1 0 0 2\n");
    ASSERT_EQ(host.cores.size(), 3U);
    EXPECT_EQ(host.cores[0].cpus, cpus("0-1"));
    EXPECT_EQ(host.cores[1].cpus, cpus("2-3"));
    EXPECT_EQ(host.cores[2].cpus, cpus("4"));
}

TEST(Lscpu, WhatTheTableLacksIsSaid)
{
    const auto host = read("CPU CORE\n0 0\n1 0\n2 1\n3 1\n");
    EXPECT_EQ(host.cores.size(), 2U);
    EXPECT_EQ(host.l3s.size(), 1U);
    EXPECT_EQ(host.packages.size(), 1U);
    EXPECT_EQ(host.nodes.size(), 1U);
    for (const auto* what : {"no sockets", "no NUMA nodes", "no L3s"}) {
        EXPECT_TRUE(warns(host, what)) << what;
    }
}

// Two cores with two threads, and four that share an L2.
std::string hybrid(const std::string& fast, const std::string& slow, const std::string& l3)
{
    std::string text = "CPU NODE SOCKET CORE L1d:L1i:L2:L3 ONLINE MAXMHZ\n";
    for (const auto* cpu :
         {"0 0 0 0 0:0:0:0", "1 0 0 0 0:0:0:0", "2 0 0 1 1:1:1:0", "3 0 0 1 1:1:1:0"}) {
        text += std::string{cpu} + " yes " + fast + "\n";
    }
    for (const auto* cpu :
         {"4 0 0 2 2:2:2:", "5 0 0 3 3:3:2:", "6 0 0 4 4:4:2:", "7 0 0 5 5:5:2:"}) {
        text += cpu + l3 + " yes " + slow + "\n";
    }
    return text;
}

TEST(Lscpu, KindsOfCoresTakeTwoSigns)
{
    const auto host = read(hybrid("5100.0000", "3900.0000", "0"));
    ASSERT_EQ(host.kinds.size(), 2U);
    EXPECT_EQ(host.kinds[0].core_class, CoreClass::performance);
    EXPECT_EQ(host.kinds[1].core_class, CoreClass::efficiency);
    EXPECT_EQ(host.kinds[1].cpus, cpus("4-7"));
    EXPECT_TRUE(warns(host, "CPUs 4-7 are taken for efficiency cores"));

    const auto low_power = read(hybrid("5100,0", "2500,0", ""));
    ASSERT_EQ(low_power.kinds.size(), 2U);
    EXPECT_EQ(low_power.kinds[1].core_class, CoreClass::low_power);

    // One sign alone: equally fast, or not told; and favoured cores, which only differ in speed.
    for (const auto& doubtful :
         {hybrid("3900.0000", "3900.0000", "0"), hybrid("-", "-", "0"),
          std::string{"CPU CORE L2 MAXMHZ\n0 0 0 5000.0\n1 1 1 4900.0\n2 2 2 4900.0\n"}}) {
        const auto uniform = read(doubtful);
        EXPECT_FALSE(uniform.is_hybrid()) << doubtful;
        EXPECT_TRUE(warns(uniform, "treats all cores alike")) << doubtful;
    }
}

// Cores that share an L2 are one place, and which CPUs share an L3 decides what a guest is shown.
TEST(Lscpu, CachesAreThoseOfTheTable)
{
    const auto of_level = [](const Topology& host, unsigned level) {
        std::vector<CpuSet> sets;
        for (const auto& cache : host.caches) {
            if (cache.level == level) {
                sets.push_back(cache.cpus);
            }
        }
        return sets;
    };
    const auto host = read(hybrid("5100.0000", "3900.0000", "0"));
    EXPECT_EQ(of_level(host, 1).size(), 6U);
    EXPECT_EQ(of_level(host, 2), (std::vector<CpuSet>{cpus("0-1"), cpus("2-3"), cpus("4-7")}));
    EXPECT_EQ(of_level(host, 3), std::vector<CpuSet>{cpus("0-7")});

    // lscpu leaves out what a CPU does not have.
    const auto outside = read("CPU CORE L1d:L1i:L2:L3\n0 0 0:0:0:0\n1 1 4:4:1:0\n2 2 64:64:8\n"
                              "3 3 66:66:8\n");
    EXPECT_EQ(of_level(outside, 3), std::vector<CpuSet>{cpus("0-1")});
    EXPECT_EQ(of_level(outside, 2).back(), cpus("2-3"));

    const auto untold = of_level(read("CPU CORE\n0 0\n1 0\n2 1\n3 1\n"), 3);
    EXPECT_EQ(untold, std::vector<CpuSet>{CpuSet{}}) << "there are some, of CPUs that nobody knows";
}

TEST(Lscpu, WhatIsNoTableIsToldWithWhatIs)
{
    const auto refused = [](std::string_view text, const std::vector<std::string>& says) {
        const auto message = refusal_of(text);
        for (const auto& part : says) {
            EXPECT_NE(message.find(part), std::string::npos) << part << "\n" << message;
        }
    };
    const std::string help = "LC_ALL=C lscpu -e";
    refused("", {"no table", help});
    refused("Architecture:           x86_64\nCPU(s): 4\n", {"summary of lscpu", help});
    refused("Architektur:            x86_64\n", {"summary of lscpu", help});
    refused("{\n \"cpus\": []}", {"JSON", help});
    refused("<topology version=\"2.0\">", {"xml:FILE"});
    refused("0,0,0,0,,0,0,0,0\n", {"names of the columns is missing", "# CPU,Core"});
    refused("CPU KNOTEN SOCKEL KERN\n0 0 0 0\n", {"line 1", "'KNOTEN'", help});
    refused("CPU CORE ONLINE\n0 0 ja\n", {"line 2", "'ja'", "yes or no", help});
    refused("CPU NODE\n0 0\n", {"CORE is missing", help});
    refused("CPU CORE CORE\n0 0 0\n", {"'CORE' is there twice"});
    refused("CPU CORE\n", {"no table"});
}

TEST(Lscpu, HostileRowsAreRefusedByLine)
{
    const auto refused = [](const std::string& rows, std::string_view says) {
        const auto message = refusal_of("CPU CORE NODE L1d:L1i:L2:L3\n" + rows);
        EXPECT_NE(message.find(says), std::string::npos) << message;
    };
    refused("0 0 0 0:0:0:0\n16384 0 0 0:0:0:0\n",
            "line 3: CPU '16384' is too high; numbers below 16384");
    refused("99999999999999999999 0 0 0:0:0:0\n", "is too high; numbers below 16384");
    EXPECT_LT(refusal_of("CPU CORE\n" + std::string(1 << 20, '0') + "16384 0\n").size(), 1000U);
    refused("-1 0 0 0:0:0:0\n", "CPU '-1' is no number");
    refused("0 0 1024 0:0:0:0\n", "NUMA node '1024' is too high; numbers below 1024");
    refused("0 0 0 0:0:0:0\n0 0 0 0:0:0:0\n", "CPU 0 is there twice");
    refused("0 0 0\n", "it has 3 fields, but the header has 4 columns");
    refused("0 0 0 0:0:0:0:0\n", "the caches '0:0:0:0:0' are more than 4 numbers");
    refused("- 0 0 0:0:0:0\n", "number of the CPU is missing");
    refused("\x1b[31m 0 0 0:0:0:0\n", "\\x1b[31m");
    EXPECT_NE(refusal_of("CPU CORE ONLINE\n0 - no\n").find("no CPU is online"), std::string::npos);
}

TEST(Lscpu, FileIsNamedInErrorsAndBounded)
{
    const TemporaryFolder folder;
    const auto file = folder.write("posted.txt", "Architecture: x86_64\n").string();
    const auto topology = read_topology(*parse_topology_source("lscpu:" + file));
    ASSERT_FALSE(topology);
    EXPECT_NE(topology.error().message.find("'" + file + "': this looks like the summary"),
              std::string::npos)
        << topology.error().message;
    folder.write("posted.txt", std::string(5 * 1024 * 1024, ' '));
    EXPECT_EQ(read_topology(*parse_topology_source("lscpu:" + file)).error().code,
              Errc::limits_exceeded);
    EXPECT_EQ(read_topology(*parse_topology_source("lscpu:/nosuch")).error().code, Errc::not_found);
}

} // namespace
} // namespace virtpind::test
