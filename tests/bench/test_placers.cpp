// SPDX-License-Identifier: LGPL-2.1-or-later
// The placers that virtpind is compared with do as their own tests say.
#include "placers.hpp"
#include "tests/support/cpu_sets.hpp"
#include "tests/support/topology_builder.hpp"

#include <gtest/gtest.h>

#include <string>

namespace virtpind::bench {
namespace {

using test::cpus;

CpuSet set_of(const std::optional<Cpus>& placed)
{
    CpuSet all;
    for (const auto cpu : placed.value_or(Cpus{})) {
        all.insert(cpu);
    }
    return all;
}

CpuSet packed(const Topology& host, const std::string& free, std::size_t vcpus,
              UncoreCaches caches = UncoreCaches::ignored)
{
    return set_of(place_kubelet({host, host.all_cpus()}, cpus(free), vcpus, caches));
}

// Two sockets whose cores alternate: siblings N and N+6.
Topology dual_socket()
{
    std::vector<test::CoreSpec> cores;
    for (std::uint32_t core = 0; core < 6; ++core) {
        cores.push_back(
            {.cpus = {core, core + 6}, .package = core % 2, .node = core % 2, .l3 = core % 2});
    }
    return test::host_of_cores(cores);
}

// TestTakeByTopologyNUMAPacked
TEST(Kubelet, PacksOneSocket)
{
    const auto host = test::regular_host({.cores = 4}); // siblings N and N+4
    EXPECT_EQ(packed(host, "0-7", 1), cpus("0"));
    EXPECT_EQ(packed(host, "1,3,5-7", 1), cpus("6")) << "some are taken: the core that is broken";
    EXPECT_EQ(packed(host, "0-7", 2), cpus("0,4"));
    EXPECT_EQ(packed(host, "0-7", 8), cpus("0-7"));
    EXPECT_EQ(packed(host, "0-3,6", 2), cpus("2,6")) << "only one core is wholly free";
    EXPECT_FALSE(place_kubelet({host, host.all_cpus()}, cpus("0,2"), 3, UncoreCaches::ignored));
}

TEST(Kubelet, PacksTwoSockets)
{
    const auto host = dual_socket();
    EXPECT_EQ(packed(host, "0-11", 1), cpus("0"));
    EXPECT_EQ(packed(host, "0-11", 6), cpus("0,2,4,6,8,10")) << "a socket";
    EXPECT_EQ(packed(host, "0-11", 8), cpus("0-2,4,6-8,10")) << "a socket and a core";
    EXPECT_EQ(packed(host, "1-11", 6), cpus("1,3,5,7,9,11")) << "the socket that is whole";
}

// TestTakeByTopologyWithUncoreCache
TEST(Kubelet, AlignsByUncoreCache)
{
    const auto host = test::regular_host({.l3s = 4, .cores = 4, .threads = 1});
    constexpr auto aligned = UncoreCaches::aligned;
    EXPECT_EQ(packed(host, "0-15", 4, aligned), cpus("0-3"));
    EXPECT_EQ(packed(host, "2-15", 4, aligned), cpus("4-7")) << "a whole cache";
    EXPECT_EQ(packed(host, "2-15", 2, aligned), cpus("2-3"));
    EXPECT_EQ(packed(host, "3-15", 2, aligned), cpus("4-5")) << "within one cache";
    EXPECT_EQ(packed(host, "3-15", 6, aligned), cpus("4-7,8-9"));
    EXPECT_EQ(packed(host, "1,5,9,13", 2, aligned), cpus("1,5")) << "as if nobody had asked";
}

CpuSet by_nova(const Topology& host, const std::string& free, std::size_t vcpus)
{
    return set_of(place_nova({host, host.all_cpus()}, cpus(free), vcpus));
}

// CPUPinningCellTestCase, NUMATopologyTest
TEST(Nova, PacksWholeCoresOfOneCell)
{
    const auto host = test::regular_host({.cores = 4}); // siblings N and N+4
    EXPECT_EQ(by_nova(host, "0-7", 4), cpus("0-1,4-5"));
    EXPECT_EQ(by_nova(host, "0-7", 3), cpus("0-1,4"));
    EXPECT_EQ(by_nova(host, "0-3,6", 2), cpus("2,6"));
    EXPECT_EQ(by_nova(host, "0-3", 4), cpus("0-3")) << "prefer: no siblings, but it fits";
    EXPECT_FALSE(place_nova({host, host.all_cpus()}, cpus("0-2"), 4));
}

TEST(Nova, TakesTheEmptiestCell)
{
    const auto host = test::regular_host({.packages = 2, .cores = 4, .threads = 1});
    EXPECT_EQ(by_nova(host, "1-7", 2), cpus("4-5"));
    EXPECT_EQ(by_nova(host, "0-7", 8), cpus("0-7")) << "two guest cells";
    EXPECT_FALSE(place_nova({host, host.all_cpus()}, cpus("0-2,4-7"), 7)) << "of equal size";
}

TEST(Lowest, TakesNumbers)
{
    const auto host = test::regular_host({.cores = 4});
    EXPECT_EQ(set_of(place_lowest({host, host.all_cpus()}, cpus("1-7"), 2)), cpus("1-2"));
}

} // namespace
} // namespace virtpind::bench
