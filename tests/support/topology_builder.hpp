// SPDX-License-Identifier: LGPL-2.1-or-later
// Hosts for tests, as values: regular ones from five numbers, and odd ones core by core.
#pragma once

#include "common/model/topology.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace virtpind::test {

// How Linux numbers the threads of a core.
enum class Numbering {
    spread,   // first threads of all cores, then the second ones: 0,8 1,9
    adjacent, // 0,1 2,3
};

// One core of a host to be built; ids are any numbers, equal ones belong together.
struct CoreSpec {
    std::vector<std::uint32_t> cpus;
    std::uint32_t package = 0;
    std::uint32_t node = 0;
    std::uint32_t l3 = 0; // host-wide
    CoreClass core_class = CoreClass::uniform;
};

namespace detail {

template <class Index>
Index position(std::map<std::uint32_t, Index>& known, std::uint32_t id)
{
    return known.try_emplace(id, Index{static_cast<std::uint32_t>(known.size())}).first->second;
}

template <class T>
T& grown(std::vector<T>& items, std::size_t index)
{
    if (items.size() <= index) {
        items.resize(index + 1);
    }
    return items[index];
}

inline std::vector<KindIndex> fill_kinds(Topology& host, const std::vector<CoreSpec>& cores)
{
    std::map<CoreClass, KindIndex> known;
    std::vector<KindIndex> kinds;
    for (const auto& core : cores) {
        const KindIndex next{static_cast<std::uint32_t>(known.size())};
        const auto [at, fresh] = known.try_emplace(core.core_class, next);
        if (fresh) {
            host.kinds.push_back({.core_class = core.core_class, .name = {}, .cpus = {}});
        }
        kinds.push_back(at->second);
    }
    return kinds;
}

} // namespace detail

// The host made of `specs`; nodes have 16 GiB each, their distance is 10 and 20.
inline Topology host_of_cores(std::vector<CoreSpec> specs)
{
    std::sort(specs.begin(), specs.end(), [](const CoreSpec& a, const CoreSpec& b) {
        return *std::min_element(a.cpus.begin(), a.cpus.end()) <
               *std::min_element(b.cpus.begin(), b.cpus.end());
    });
    Topology host;
    std::map<std::uint32_t, NodeIndex> nodes;
    for (const auto& spec : specs) {
        nodes.try_emplace(spec.node, NodeIndex{});
    }
    for (auto& [id, index] : nodes) { // nodes stand in the order of their ids
        index = NodeIndex{static_cast<std::uint32_t>(host.nodes.size())};
        host.nodes.push_back({.id = NodeId{id},
                              .cpus = {},
                              .memory_kib = 16U << 20U,
                              .free_memory_kib = std::nullopt,
                              .hugepages = {}});
    }
    std::map<std::uint32_t, PackageIndex> packages;
    std::map<std::uint32_t, L3Index> l3s;
    const auto kinds = detail::fill_kinds(host, specs);
    for (std::size_t i = 0; i < specs.size(); ++i) {
        Core core{.cpus = {},
                  .l3 = detail::position(l3s, specs[i].l3),
                  .node = nodes.at(specs[i].node),
                  .package = detail::position(packages, specs[i].package),
                  .kind = kinds[i]};
        for (const auto id : specs[i].cpus) {
            core.cpus.insert(CpuId{id});
            host.cpus.push_back({.id = CpuId{id},
                                 .core = CoreIndex{static_cast<std::uint32_t>(i)},
                                 .l3 = core.l3,
                                 .node = core.node,
                                 .package = core.package,
                                 .kind = core.kind});
        }
        auto& l3 = detail::grown(host.l3s, raw(core.l3));
        l3.cpus |= core.cpus;
        l3.size_bytes = 32U << 20U;
        host.nodes[raw(core.node)].cpus |= core.cpus;
        detail::grown(host.packages, raw(core.package)).cpus |= core.cpus;
        host.kinds[raw(core.kind)].cpus |= core.cpus;
        host.cores.push_back(std::move(core));
    }
    std::sort(host.cpus.begin(), host.cpus.end(),
              [](const Cpu& a, const Cpu& b) { return a.id < b.id; });
    host.distance.assign(host.nodes.size(), std::vector<std::uint32_t>(host.nodes.size(), 20));
    for (std::size_t i = 0; i < host.nodes.size(); ++i) {
        host.distance[i][i] = 10;
    }
    return host;
}

struct RegularHost {
    std::uint32_t packages = 1;
    std::uint32_t nodes = 1; // per package
    std::uint32_t l3s = 1;   // per node
    std::uint32_t cores = 4; // per L3
    std::uint32_t threads = 2;
    Numbering numbering = Numbering::spread;
};

inline Topology regular_host(const RegularHost& shape)
{
    const auto cores = shape.packages * shape.nodes * shape.l3s * shape.cores;
    std::vector<CoreSpec> specs;
    for (std::uint32_t core = 0; core < cores; ++core) {
        CoreSpec spec{.cpus = {},
                      .package = core / (shape.nodes * shape.l3s * shape.cores),
                      .node = core / (shape.l3s * shape.cores),
                      .l3 = core / shape.cores};
        for (std::uint32_t thread = 0; thread < shape.threads; ++thread) {
            spec.cpus.push_back(shape.numbering == Numbering::spread
                                    ? thread * cores + core
                                    : core * shape.threads + thread);
        }
        specs.push_back(std::move(spec));
    }
    return host_of_cores(std::move(specs));
}

// One package of SMT2 performance cores and efficiency cores without SMT, in groups of four with
// one L3 for all, numbered as Linux does: 0,1 2,3 ... then the efficiency cores.
inline Topology hybrid_host(std::uint32_t performance, std::uint32_t efficiency)
{
    std::vector<CoreSpec> specs;
    for (std::uint32_t core = 0; core < performance; ++core) {
        specs.push_back({.cpus = {2 * core, 2 * core + 1},
                         .package = 0,
                         .node = 0,
                         .l3 = 0,
                         .core_class = CoreClass::performance});
    }
    for (std::uint32_t core = 0; core < efficiency; ++core) {
        specs.push_back({.cpus = {2 * performance + core},
                         .package = 0,
                         .node = 0,
                         .l3 = 0,
                         .core_class = CoreClass::efficiency});
    }
    return host_of_cores(std::move(specs));
}

} // namespace virtpind::test
