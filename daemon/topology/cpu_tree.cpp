// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cpu_tree.hpp"

#include "hwloc_ids.hpp"
#include "node_places.hpp"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

namespace virtpind {

namespace {

// One real object (by its unique number), or a stand-in for one that the tree lacks.
struct GroupKey {
    enum class Kind { object, cpu, package_and_node, offline } kind;
    std::uint64_t number = 0;
    friend auto operator<=>(const GroupKey&, const GroupKey&) = default;
};

using Groups = std::map<GroupKey, CpuSet>;

// The sets in ascending order of their first CPU.
std::vector<CpuSet> sorted_sets(const Groups& groups)
{
    std::vector<CpuSet> sets;
    for (const auto& [key, cpus] : groups) {
        sets.push_back(cpus);
    }
    std::sort(sets.begin(), sets.end(),
              [](const CpuSet& a, const CpuSet& b) { return a.front() < b.front(); });
    return sets;
}

class CpuTree {
public:
    CpuTree(hwloc_topology_t hwloc, const std::vector<KernelNode>& kernel_nodes)
        : hwloc_{hwloc}, kernel_nodes_{kernel_nodes}, root_{hwloc_get_root_obj(hwloc)}
    {}

    Result<Topology> read()
    {
        if (auto listed = list_cpus(); !listed) {
            return std::move(listed).error();
        }
        if (auto listed = list_nodes(); !listed) {
            return std::move(listed).error();
        }
        assign_nodes();
        assign_packages();
        assign_l3s();
        assign_cores();
        return std::move(topology_);
    }

private:
    Result<void> list_cpus()
    {
        const auto last = hwloc_bitmap_last(root_->complete_cpuset);
        if (last < 0 || last >= static_cast<int>(id_set_limit)) {
            return Error{.code = Errc::limits_exceeded,
                         .message = "the topology has CPU numbers above " +
                                    std::to_string(id_set_limit - 1)};
        }
        std::map<CpuId, hwloc_obj_t> units;
        hwloc_obj_t unit = nullptr;
        while ((unit = hwloc_get_next_obj_by_type(hwloc_, HWLOC_OBJ_PU, unit)) != nullptr) {
            units[CpuId{unit->os_index}] = unit;
        }
        const auto allowed = to_id_set<CpuId>(hwloc_topology_get_allowed_cpuset(hwloc_));
        for (const auto id : to_id_set<CpuId>(root_->complete_cpuset)) {
            const auto known = units.find(id);
            const auto online = known != units.end();
            topology_.cpus.push_back(
                Cpu{.id = id, .online = online, .allowed = allowed.contains(id)});
            places_.push_back(online ? known->second : place_of_offline(id));
        }
        if (units.empty()) {
            return Error{.code = Errc::invalid_argument, .message = "the topology has no CPUs"};
        }
        return {};
    }

    // The smallest object that still knows of the CPU.
    [[nodiscard]] hwloc_obj_t place_of_offline(CpuId id) const
    {
        auto* place = root_;
        for (auto* child = place->first_child; child != nullptr;) {
            if (hwloc_bitmap_isset(child->complete_cpuset, raw(id)) != 0) {
                place = child;
                child = place->first_child;
            } else {
                child = child->next_sibling;
            }
        }
        return place;
    }

    [[nodiscard]] static hwloc_obj_t enclosing(hwloc_obj_t place, hwloc_obj_type_t type)
    {
        while (place != nullptr && place->type != type) {
            place = place->parent;
        }
        return place;
    }

    Result<void> list_nodes()
    {
        std::map<CpuId, hwloc_obj_t> online;
        for (std::size_t i = 0; i < topology_.cpus.size(); ++i) {
            if (topology_.cpus[i].online) {
                online[topology_.cpus[i].id] = places_[i];
            }
        }
        auto found = find_node_places(hwloc_, kernel_nodes_, online, topology_.warnings);
        if (!found) {
            return std::move(found).error();
        }
        node_places_ = std::move(*found);
        for (const auto& place : node_places_) {
            topology_.nodes.push_back(place.object != nullptr ? make_node(place.object)
                                                              : Node{.id = place.id});
        }
        return {};
    }

    [[nodiscard]] static Node make_node(hwloc_obj_t object)
    {
        constexpr std::uint64_t kib = 1024;
        constexpr std::uint64_t memory_kib_max = std::uint64_t{1} << 52U;
        const auto& memory = object->attr->numanode;
        Node node{.id = NodeId{object->os_index}, .memory_kib = memory.local_memory / kib};
        std::map<std::uint64_t, std::uint64_t> pages; // by KiB of one
        for (unsigned i = 0; i < memory.page_types_len; ++i) {
            const auto page_kib = memory.page_types[i].size / kib;
            if (page_kib > 0) { // files may say anything, also twice
                const auto most = memory_kib_max / page_kib;
                pages[page_kib] = std::min<std::uint64_t>(
                    pages[page_kib] + std::min<std::uint64_t>(memory.page_types[i].count, most),
                    most);
            }
        }
        constexpr std::uint64_t base_page_kib_max = 64;
        if (!pages.empty() && pages.begin()->first <= base_page_kib_max) {
            pages.erase(pages.begin()); // the base page size
        }
        for (const auto& [page_kib, count] : pages) {
            node.hugepages.push_back({.page_kib = page_kib, .total = count, .free = count});
        }
        return node;
    }

    // The smallest node around a CPU, the lowest of equals (memory of another sort is attached
    // beside it, and higher up), unless a node without memory lent it. nullopt when there is none.
    [[nodiscard]] std::optional<std::size_t> node_around(CpuId id) const
    {
        std::optional<std::size_t> best;
        auto best_size = 0;
        for (std::size_t i = 0; i < node_places_.size(); ++i) {
            if (node_places_[i].lent.contains(id)) {
                return i;
            }
            const auto* object = node_places_[i].object;
            if (object == nullptr || hwloc_bitmap_isset(object->complete_cpuset, raw(id)) == 0) {
                continue;
            }
            const auto size = hwloc_bitmap_weight(object->complete_cpuset);
            if (!best || size < best_size) {
                best = i;
                best_size = size;
            }
        }
        return best;
    }

    // The first node of the smallest object around `place` that has any.
    [[nodiscard]] std::size_t nearest_node(hwloc_obj_t place) const
    {
        for (; place != nullptr; place = place->parent) {
            for (std::size_t i = 0; i < topology_.nodes.size(); ++i) {
                if (hwloc_bitmap_isset(place->nodeset, raw(topology_.nodes[i].id)) != 0) {
                    return i;
                }
            }
        }
        return 0;
    }

    void assign_nodes()
    {
        for (std::size_t i = 0; i < topology_.cpus.size(); ++i) {
            auto& cpu = topology_.cpus[i];
            const auto around = node_around(cpu.id);
            const auto position = around ? *around : nearest_node(places_[i]);
            cpu.node = NodeIndex{static_cast<std::uint32_t>(position)};
            topology_.nodes[position].cpus.insert(cpu.id);
        }
    }

    [[nodiscard]] GroupKey object_or(std::size_t cpu_position, hwloc_obj_type_t type,
                                     GroupKey stand_in) const
    {
        auto* object = enclosing(places_[cpu_position], type);
        if (object != nullptr) {
            return {GroupKey::Kind::object, object->gp_index};
        }
        return topology_.cpus[cpu_position].online ? stand_in : GroupKey{GroupKey::Kind::offline};
    }

    void assign_packages()
    {
        Groups groups;
        for (std::size_t i = 0; i < topology_.cpus.size(); ++i) {
            const GroupKey only{GroupKey::Kind::package_and_node};
            groups[object_or(i, HWLOC_OBJ_PACKAGE, only)].insert(topology_.cpus[i].id);
        }
        for (auto& cpus : sorted_sets(groups)) {
            set_index(cpus, &Cpu::package, topology_.packages.size());
            topology_.packages.push_back({std::move(cpus)});
        }
    }

    void assign_l3s()
    {
        Groups groups;
        std::map<CpuId, std::uint64_t> sizes; // by first CPU of the L3
        for (std::size_t i = 0; i < topology_.cpus.size(); ++i) {
            const auto& cpu = topology_.cpus[i];
            const auto number = (std::uint64_t{raw(cpu.package)} << 32U) | raw(cpu.node);
            const auto key =
                object_or(i, HWLOC_OBJ_L3CACHE, {GroupKey::Kind::package_and_node, number});
            const auto is_first = groups[key].empty();
            groups[key].insert(cpu.id);
            if (is_first && key.kind == GroupKey::Kind::object) {
                sizes[cpu.id] = enclosing(places_[i], HWLOC_OBJ_L3CACHE)->attr->cache.size;
            }
        }
        for (auto& cpus : sorted_sets(groups)) {
            set_index(cpus, &Cpu::l3, topology_.l3s.size());
            const auto size = sizes[cpus.front()];
            topology_.l3s.push_back({.cpus = std::move(cpus), .size_bytes = size});
        }
        mark_vcaches();
    }

    // The size alone says nothing (servers have large L3s all over), nor does the difference alone
    // (16 and 8 MiB on Strix Point).
    void mark_vcaches()
    {
        constexpr std::uint64_t vcache_bytes_min = 64ULL * 1024 * 1024;
        for (auto& l3 : topology_.l3s) {
            const auto& package = at_id(topology_.packages, topology_.cpu(l3.cpus.front()).package);
            l3.vcache =
                l3.size_bytes >= vcache_bytes_min &&
                std::any_of(topology_.l3s.begin(), topology_.l3s.end(), [&](const L3& other) {
                    return other.size_bytes > 0 && other.size_bytes < l3.size_bytes &&
                           other.cpus.intersects(package.cpus);
                });
        }
    }

    void assign_cores()
    {
        Groups groups;
        for (std::size_t i = 0; i < topology_.cpus.size(); ++i) {
            const auto id = topology_.cpus[i].id;
            auto key = object_or(i, HWLOC_OBJ_CORE, {GroupKey::Kind::cpu, raw(id)});
            if (key.kind == GroupKey::Kind::offline) {
                key = {GroupKey::Kind::cpu, raw(id)};
            }
            groups[key].insert(id);
        }
        for (auto& cpus : sorted_sets(groups)) {
            set_index(cpus, &Cpu::core, topology_.cores.size());
            const auto& first = topology_.cpu(cpus.front());
            topology_.cores.push_back({.cpus = std::move(cpus),
                                       .l3 = first.l3,
                                       .node = first.node,
                                       .package = first.package});
        }
    }

    // Tells every CPU of `cpus` the position of its group.
    template <class Index>
    void set_index(const CpuSet& cpus, Index Cpu::*member, std::size_t position)
    {
        for (const auto id : cpus) {
            const auto at = topology_.find(id) - topology_.cpus.data();
            topology_.cpus[static_cast<std::size_t>(at)].*member =
                Index{static_cast<std::uint32_t>(position)};
        }
    }

    hwloc_topology_t hwloc_;
    const std::vector<KernelNode>& kernel_nodes_;
    hwloc_obj_t root_;
    std::vector<hwloc_obj_t> places_;    // of topology_.cpus
    std::vector<NodePlace> node_places_; // of topology_.nodes
    Topology topology_;
};

} // namespace

Result<Topology> read_cpu_tree(hwloc_topology_t hwloc, const std::vector<KernelNode>& kernel_nodes)
{
    return CpuTree{hwloc, kernel_nodes}.read();
}

} // namespace virtpind
