// SPDX-License-Identifier: LGPL-2.1-or-later
// Random hosts, domains and fleets for RapidCheck. Every choice is drawn from RapidCheck itself, so
// that a counterexample shrinks.
#pragma once

#include "daemon/planner/place/cost.hpp"
#include "tests/support/topology_builder.hpp"

#include <rapidcheck.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace virtpind::test {

// A number from first..last.
inline std::uint32_t pick(std::uint32_t first, std::uint32_t last)
{
    return *rc::gen::inRange(first, last + 1);
}

// True once in `times`.
inline bool once_in(std::uint32_t times)
{
    return pick(0, times - 1) == 1 % times;
}

template <class T>
T pick_one(std::initializer_list<T> values)
{
    return *(values.begin() + pick(0, static_cast<std::uint32_t>(values.size()) - 1));
}

template <class Id>
IdSet<Id> pick_some(const IdSet<Id>& of, std::uint32_t once)
{
    IdSet<Id> some;
    for (const auto id : of) {
        if (once_in(once)) {
            some.insert(id);
        }
    }
    return some;
}

// Which of package, node and L3 holds which.
enum class Nesting { package_node_l3, package_l3_node, node_package_l3, crossing };

inline std::vector<std::uint32_t> pick_cpu_ids(std::uint32_t count)
{
    std::vector<std::uint32_t> ids;
    for (std::uint32_t i = 0; i < count; ++i) {
        ids.push_back(i);
    }
    if (once_in(2)) { // any numbering at all
        for (auto i = count; i > 1; --i) {
            std::swap(ids[i - 1], ids[pick(0, i - 1)]);
        }
    }
    if (once_in(4)) { // sparse
        for (auto& id : ids) {
            id = id * 3 + 1;
        }
    }
    return ids;
}

inline void place_core(CoreSpec& core, std::uint32_t at, std::uint32_t cores, Nesting nesting)
{
    const auto outer = at * 2 / cores;  // two halves
    const auto middle = at * 4 / cores; // four quarters
    switch (nesting) {
    case Nesting::package_node_l3:
        core.package = outer;
        core.node = middle;
        core.l3 = at / 2;
        return;
    case Nesting::package_l3_node:
        core.package = outer;
        core.l3 = outer;
        core.node = middle;
        return;
    case Nesting::node_package_l3:
        core.node = 0;
        core.package = outer;
        core.l3 = middle;
        return;
    case Nesting::crossing:
        core.package = pick(0, 1);
        core.node = pick(0, 2);
        core.l3 = pick(0, 2);
        return;
    }
}

// Cores of one L3 share L2s.
inline void share_l2s(Topology& host)
{
    std::map<std::tuple<L3Index, NodeIndex, PackageIndex>, std::vector<CpuSet>> groups;
    for (const auto& core : host.cores) {
        auto& l2s = groups[{core.l3, core.node, core.package}];
        if (l2s.empty() || once_in(3)) {
            l2s.emplace_back();
        }
        l2s.back() |= core.cpus;
    }
    for (const auto& [place, l2s] : groups) {
        for (const auto& cpus : l2s) {
            host.caches.push_back({.level = 2, .cpus = cpus});
        }
    }
}

inline void make_odd(Topology& host)
{
    if (once_in(3)) {
        share_l2s(host);
    }
    if (once_in(2)) {
        for (auto& row : host.distance) {
            for (auto& distance : row) {
                distance = distance == 10 ? 10 : pick_one<std::uint32_t>({11, 11, 12, 14});
            }
        }
    }
    for (auto& node : host.nodes) {
        node.has_io = once_in(3);
    }
    if (once_in(4)) {
        host.l3s.front().vcache = true;
    }
    if (once_in(3)) {
        for (auto& cpu : host.cpus) {
            cpu.rank = pick(0, 2);
        }
    }
}

struct HostSize {
    std::uint32_t cores_max = 8;
    std::uint32_t cpus_max = 12;
};

inline Topology pick_host(const HostSize& size)
{
    const auto nesting =
        pick_one({Nesting::package_node_l3, Nesting::package_node_l3, Nesting::package_l3_node,
                  Nesting::node_package_l3, Nesting::crossing});
    const auto hybrid = once_in(5);
    const auto threads = pick_one<std::uint32_t>({2, 2, 1, 4});
    const auto cores = pick(1, size.cores_max);
    std::vector<CoreSpec> specs;
    std::vector<std::uint32_t> widths;
    std::uint32_t cpus = 0;
    for (std::uint32_t at = 0; at < cores; ++at) {
        CoreSpec core;
        place_core(core, at, cores, nesting);
        if (hybrid) {
            core.core_class =
                pick_one({CoreClass::performance, CoreClass::efficiency, CoreClass::performance,
                          CoreClass::efficiency, CoreClass::low_power});
        }
        const auto width = once_in(6) ? 1 : threads; // a core with missing siblings
        if (cpus + width <= size.cpus_max) {
            cpus += width;
            widths.push_back(width);
            specs.push_back(std::move(core));
        }
    }
    const auto ids = pick_cpu_ids(cpus);
    std::size_t next = 0;
    for (std::size_t core = 0; core < specs.size(); ++core) {
        for (std::uint32_t thread = 0; thread < widths[core]; ++thread) {
            specs[core].cpus.push_back(ids[next++]);
        }
        std::sort(specs[core].cpus.begin(), specs[core].cpus.end());
    }
    auto host = host_of_cores(std::move(specs));
    make_odd(host);
    return host;
}

inline Policy pick_policy(const Topology& host)
{
    Policy policy;
    policy.name = "dedicated";
    policy.placement = Placement::dedicated;
    policy.smt = pick_one({SmtChoice::automatic, SmtChoice::automatic, SmtChoice::prefer,
                           SmtChoice::require, SmtChoice::isolate, SmtChoice::spread});
    policy.numa =
        pick_one({NumaChoice::prefer, NumaChoice::prefer, NumaChoice::single, NumaChoice::spread});
    policy.device = pick_one({DeviceChoice::prefer, DeviceChoice::prefer, DeviceChoice::prefer,
                              DeviceChoice::package, DeviceChoice::require});
    policy.cache = pick_one({CacheChoice::alone, CacheChoice::pack});
    policy.cores = pick_one({CoreChoice::performance, CoreChoice::efficiency, CoreChoice::any});
    policy.move = pick_one({MoveLimit::cache, MoveLimit::never, MoveLimit::node});
    policy.fallback = pick_one({Fallback::shared, Fallback::fail});
    if (once_in(6)) {
        policy.cpus = host.all_cpus() - pick_some(host.all_cpus(), 4);
    }
    return policy;
}

// Guest threads, cells and holes for a domain of `vcpus` online vCPUs.
inline void pick_guest(Intent& intent, std::uint32_t vcpus)
{
    intent.vcpus_max = vcpus;
    intent.vcpus_online = VcpuSet::range(0, vcpus - 1);
    const auto threads = pick_one<std::uint32_t>({1, 2, 2, 4});
    if (once_in(2) && vcpus % threads == 0) {
        intent.topology = GuestTopology{.cores = vcpus / threads, .threads = threads};
        if (once_in(4) && vcpus > 2) {
            intent.vcpus_online.erase(VcpuId{pick(1, vcpus - 1)});
        }
    }
    if (once_in(4) && vcpus > 1) {
        const auto border = pick(1, vcpus - 1);
        intent.cells = {{.id = 0, .vcpus = VcpuSet::range(0, border - 1)},
                        {.id = 1, .vcpus = VcpuSet::range(border, vcpus - 1)}};
    }
}

inline void pick_devices(Intent& intent, const Topology& host)
{
    const auto count = once_in(3) ? pick(1, 3) : 0;
    for (std::uint32_t i = 0; i < count; ++i) {
        intent.devices.push_back(
            {.label = "0000:0" + std::to_string(i + 1) + ":00.0",
             .nodes = {host.nodes[pick(0, static_cast<std::uint32_t>(host.nodes.size()) - 1)].id}});
    }
}

// Memory of the host, in units that domains need one to three of; a few nodes have none.
constexpr std::uint64_t memory_unit_kib = 2048;

inline void pick_stocks(Topology& host)
{
    const auto has_hugepages = once_in(2);
    const auto tells = once_in(2);
    const auto having = host.nodes[pick(0, static_cast<std::uint32_t>(host.nodes.size()) - 1)].id;
    for (auto& node : host.nodes) {
        if (node.id != having && once_in(6)) {
            node.memory_kib = 0;
            node.free_memory_kib.reset();
            continue;
        }
        node.memory_kib = pick(1, 6) * memory_unit_kib;
        if (tells) {
            node.free_memory_kib = node.memory_kib - pick(0, 1) * memory_unit_kib;
        }
        if (has_hugepages) {
            const auto total = pick(0, 6);
            node.hugepages = {{.page_kib = memory_unit_kib,
                               .total = total,
                               .free = tells ? pick(0, total) : total}};
        }
    }
}

inline void pick_memory(Intent& intent)
{
    intent.memory_kib = pick(0, 3) * memory_unit_kib;
    intent.policy.memory = pick_one(
        {MemoryChoice::follow, MemoryChoice::follow, MemoryChoice::follow, MemoryChoice::keep});
    for (auto& cell : intent.cells) {
        cell.memory_kib = intent.memory_kib / intent.cells.size();
    }
    if (once_in(4)) {
        intent.hugepage_kib = memory_unit_kib;
        intent.memory_locked = true;
    }
}

// What a counterexample looks like, for a person.
inline std::string describe(const Topology& host)
{
    std::string text;
    for (const auto& core : host.cores) {
        text += "core " + core.cpus.str() + " package " + std::to_string(raw(core.package)) +
                " node " + std::to_string(raw(core.node)) + " l3 " + std::to_string(raw(core.l3)) +
                " kind " + std::to_string(raw(core.kind)) + "\n";
    }
    for (const auto& cache : host.caches) {
        text += "L2 " + cache.cpus.str() + "\n";
    }
    for (std::size_t node = 0; node < host.nodes.size(); ++node) {
        const auto& place = host.nodes[node];
        text += "node " + std::to_string(node) + (place.has_io ? " has I/O" : "") + ", memory " +
                (place.free_memory_kib ? std::to_string(*place.free_memory_kib) + " of " : "") +
                std::to_string(place.memory_kib) + ", pages";
        for (const auto& pages : place.hugepages) {
            text += " " + std::to_string(pages.free) + " of " + std::to_string(pages.total);
        }
        text += ", distances";
        for (const auto distance : host.distance[node]) {
            text += " " + std::to_string(distance);
        }
        text += "\n";
    }
    return text;
}

inline std::string describe(const Intent& intent)
{
    const auto& policy = intent.policy;
    const auto number = [](auto value) { return std::to_string(static_cast<int>(value)); };
    auto text = intent.name + ": vCPUs " + intent.vcpus_online.str() + " of " +
                std::to_string(intent.vcpus_max) + " smt " + number(policy.smt) + " numa " +
                number(policy.numa) + " cache " + number(policy.cache) + " cores " +
                number(policy.cores) + " move " + number(policy.move) + " activity " +
                number(intent.activity) + " stance " + number(intent.stance) + " placement " +
                number(policy.placement) + " priority " + number(policy.priority) + " cpus " +
                policy.cpus.str() + " device " + number(policy.device);
    if (!intent.floating.empty()) {
        text += " floating " + intent.floating.str();
    }
    if (intent.topology) {
        text += " threads " + std::to_string(intent.topology->threads);
    }
    for (const auto& cell : intent.cells) {
        text += " cell " + cell.vcpus.str();
    }
    for (const auto& device : intent.devices) {
        text += " device on " + device.nodes.str();
    }
    for (const auto& device : intent.exclusive) {
        text += " with " + device;
    }
    text +=
        std::string{intent.shut_off ? " shut off" : ""} + (intent.has_our_pins ? " settled" : "");
    text += " emulator " + number(policy.emulator.mode) + " fallback " + number(policy.fallback) +
            " iothreads " + std::to_string(intent.iothreads.size());
    text += " memory " + number(policy.memory) + " " + std::to_string(intent.memory_kib) +
            (intent.hugepage_kib ? " in hugepages" : "");
    if (intent.memory_locked) {
        text += " locked on " + intent.memory_nodes.str();
    }
    for (const auto& [vcpu, pin] : intent.current.vcpus) {
        text += " " + std::to_string(raw(vcpu)) + ":" + pin.str();
    }
    return text + "\n";
}

inline std::string describe(const Cost& cost)
{
    std::string text;
    for (const auto& row : cost_term_table) {
        text += std::to_string(cost[row.term]) + " ";
    }
    return text + "\n";
}

inline DomainUuid uuid_of(std::size_t number)
{
    return DomainUuid{"00000000-0000-0000-0000-" + std::to_string(100'000'000'000 + number)};
}

inline Intent pick_intent(const Topology& host, std::size_t number, std::uint32_t vcpus_max)
{
    Intent intent;
    intent.uuid = uuid_of(number);
    intent.name = "vm" + std::to_string(number);
    intent.policy = pick_policy(host);
    pick_guest(intent, pick(1, vcpus_max));
    pick_devices(intent, host);
    return intent;
}

} // namespace virtpind::test
