// SPDX-License-Identifier: LGPL-2.1-or-later
// Hosts as the topology reader reads them, and what is true of each of them.
#pragma once

#include "daemon/topology/topology_reader.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace virtpind::test {

inline Topology read_host(const std::string& source)
{
    const auto parsed = parse_topology_source(source);
    EXPECT_TRUE(parsed);
    auto topology = read_topology(*parsed);
    EXPECT_TRUE(topology) << source << ": " << (topology ? "" : topology.error().message);
    return topology ? *topology : Topology{};
}

inline Topology synthetic(const std::string& description)
{
    return read_host("synthetic:" + description);
}

// The folder of hosts as hwloc XML that the tests bring with them, and that of VIRTPIND_TOPOLOGIES
// if it is set.
inline std::vector<std::filesystem::path> host_folders()
{
    const auto* own = std::getenv("VIRTPIND_TEST_HOSTS"); // by meson.build
    if (own == nullptr) {
        throw std::runtime_error{"VIRTPIND_TEST_HOSTS is not set: run the test by 'meson test'"};
    }
    std::vector<std::filesystem::path> folders{own};
    if (const auto* more = std::getenv("VIRTPIND_TOPOLOGIES")) {
        folders.emplace_back(more);
    }
    return folders;
}

// Every host in those folders but hwloc-3.xml, which the hwloc of Debian 12 refuses: tests/cases
// has that.
inline std::vector<std::filesystem::path> host_files()
{
    std::vector<std::filesystem::path> files;
    for (const auto& folder : host_folders()) {
        for (const auto& entry : std::filesystem::directory_iterator{folder}) {
            const auto& path = entry.path();
            if (path.extension() == ".xml" && path.stem() != "hwloc-3") {
                files.push_back(path);
            }
        }
    }
    std::sort(files.begin(), files.end());
    return files;
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

// Every CPU is in exactly one group of the kind, the one its index names.
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

inline void expect_groups(const Topology& t)
{
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
}

inline void expect_invariants(const Topology& t)
{
    ASSERT_FALSE(t.cpus.empty());
    EXPECT_FALSE(t.online_cpus().empty());
    EXPECT_TRUE(std::is_sorted(t.cpus.begin(), t.cpus.end(),
                               [](const Cpu& a, const Cpu& b) { return a.id < b.id; }));
    expect_groups(t);
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

} // namespace virtpind::test
