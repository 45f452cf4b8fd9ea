// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/render/layout_json.hpp"
#include "tests/support/topology_builder.hpp"

#include <gtest/gtest.h>

namespace virtpind::test {
namespace {

using Json = nlohmann::ordered_json;

// Two L3s on two nodes; the second has efficiency cores, and a CPU that is offline.
Topology odd_host()
{
    auto host =
        host_of_cores({{.cpus = {0, 4}, .core_class = CoreClass::performance},
                       {.cpus = {1, 5}, .core_class = CoreClass::performance},
                       {.cpus = {2}, .node = 1, .l3 = 1, .core_class = CoreClass::efficiency},
                       {.cpus = {3}, .node = 1, .l3 = 1, .core_class = CoreClass::efficiency}});
    host.l3s.front().size_bytes = std::uint64_t{96} << 20U;
    host.l3s.front().vcache = true;
    host.isolated = CpuSet{CpuId{1}, CpuId{5}};
    for (auto& cpu : host.cpus) {
        cpu.online = cpu.id != CpuId{3};
        cpu.allowed = cpu.id != CpuId{2};
    }
    return host;
}

TEST(Layout, HasEverythingThatAMapShows)
{
    const auto json = layout_to_json(odd_host());
    EXPECT_EQ(json["packages"], Json::parse(R"([{"cpus":"0-5"}])"));
    ASSERT_EQ(json["l3s"].size(), 2U);
    EXPECT_EQ(json["l3s"][0], Json::parse(R"({"cpus":"0-1,4-5","size-bytes":100663296,"vcache":true,
                                              "nodes":"0","package":0})"));
    EXPECT_EQ(json["l3s"][1]["vcache"], false);
    ASSERT_EQ(json["cores"].size(), 4U);
    EXPECT_EQ(json["cores"][1], Json::parse(R"({"cpus":"1,5","l3":0,"node":0,"package":0,
                                                "kind":"performance"})"));
    EXPECT_EQ(json["cores"][3], Json::parse(R"({"cpus":"3","l3":1,"node":1,"package":0,
                                                "kind":"efficiency"})"));
    EXPECT_EQ(json["kinds"].size(), 2U);
    EXPECT_EQ(json["offline"], "3");
    EXPECT_EQ(json["not-allowed"], "2");
    EXPECT_EQ(json["isolated"], "1,5");
    EXPECT_EQ(json["nohz-full"], "");
}

TEST(Layout, NodesWithoutMemoryOrCpusAreThere)
{
    auto host = odd_host();
    host.nodes[1].memory_kib = 0;
    host.nodes.push_back({.id = NodeId{4}, .cpus = {}, .memory_kib = 1024, .hugepages = {}});
    const auto nodes = layout_to_json(host)["nodes"];
    ASSERT_EQ(nodes.size(), 3U);
    EXPECT_EQ(nodes[1]["memory-kib"], 0);
    EXPECT_EQ(nodes[2]["id"], 4);
    EXPECT_EQ(nodes[2]["cpus"], "");
}

TEST(Layout, GrowsWithTheCoresAndNoFaster)
{
    const auto bytes = [](std::uint32_t cores) {
        const auto host = regular_host({.l3s = 16, .cores = cores / 16, .threads = 2});
        return layout_to_json(host).dump().size();
    };
    EXPECT_LT(bytes(512), 512U * 100);
    EXPECT_LT(bytes(512), 9 * bytes(64));
}

} // namespace
} // namespace virtpind::test
