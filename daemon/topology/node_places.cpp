// SPDX-License-Identifier: LGPL-2.1-or-later
#include "node_places.hpp"

#include "hwloc_ids.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace virtpind {

namespace {

constexpr std::uint32_t local_distance = 10;
constexpr std::uint32_t remote_distance = 20;
constexpr std::uint32_t unreachable = 255;

class NodeFinder {
public:
    NodeFinder(hwloc_topology_t hwloc, const std::map<CpuId, hwloc_obj_t>& online)
        : hwloc_{hwloc}, online_{online}
    {}

    Result<void> add_objects()
    {
        hwloc_obj_t object = nullptr;
        while ((object = hwloc_get_next_obj_by_type(hwloc_, HWLOC_OBJ_NUMANODE, object)) !=
               nullptr) {
            if (object->os_index >= id_set_limit) {
                return Error{.code = Errc::limits_exceeded,
                             .message = "the topology has NUMA node numbers above " +
                                        std::to_string(id_set_limit - 1)};
            }
            const NodeId id{object->os_index};
            nodes_[id] = {.id = id, .object = object, .lent = {}};
            covered_ |= to_id_set<CpuId>(object->complete_cpuset);
        }
        if (nodes_.empty()) {
            return Error{.code = Errc::invalid_argument,
                         .message = "the topology has no NUMA node"};
        }
        return {};
    }

    void add_kernel_nodes(const std::vector<KernelNode>& kernel_nodes)
    {
        CpuSet online;
        for (const auto& [id, unit] : online_) {
            online.insert(id);
        }
        for (const auto& node : kernel_nodes) {
            if (node.cpus.intersects(online) && !nodes_.contains(node.id)) {
                add_lender(node.id, node.cpus & online);
            }
        }
    }

    // What stands beside the nodes in the tree would be a node if it had memory.
    void add_nodes_of_uncovered_cpus(std::vector<std::string>& warnings)
    {
        std::map<std::uint64_t, CpuSet> zones; // by unique number of the object
        for (const auto& [id, unit] : online_) {
            if (!covered_.contains(id)) {
                zones[uncovered_zone(unit)->gp_index].insert(id);
            }
        }
        std::vector<CpuSet> sorted;
        for (auto& [number, cpus] : zones) {
            sorted.push_back(std::move(cpus));
        }
        std::sort(sorted.begin(), sorted.end(),
                  [](const CpuSet& a, const CpuSet& b) { return a.front() < b.front(); });
        CpuSet cpus;
        NodeSet ids;
        for (auto& zone : sorted) {
            if (const auto id = free_id()) {
                cpus |= zone;
                ids.insert(*id);
                add_lender(*id, std::move(zone));
            }
        }
        if (!ids.empty()) {
            warnings.push_back(
                "CPUs " + cpus.str() + " have no NUMA node with memory; they count as " +
                (ids.size() == 1 ? "node " : "nodes ") + ids.str() + " without memory.");
        }
    }

    [[nodiscard]] std::vector<NodePlace> places() &&
    {
        std::vector<NodePlace> places;
        for (auto& [id, place] : nodes_) {
            places.push_back(std::move(place));
        }
        return places;
    }

private:
    void add_lender(NodeId id, CpuSet cpus)
    {
        covered_ |= cpus;
        nodes_[id] = {.id = id, .object = nullptr, .lent = std::move(cpus)};
    }

    // The largest object around a CPU that no node has anything of. Cores and caches do not make a
    // node: those of one parent do together.
    [[nodiscard]] hwloc_obj_t uncovered_zone(hwloc_obj_t unit) const
    {
        auto* zone = unit;
        while (zone->parent != nullptr &&
               !to_id_set<CpuId>(zone->parent->complete_cpuset).intersects(covered_)) {
            zone = zone->parent;
        }
        const auto may_be_node = zone->type == HWLOC_OBJ_GROUP || zone->type == HWLOC_OBJ_DIE ||
                                 zone->type == HWLOC_OBJ_PACKAGE || zone->parent == nullptr;
        return may_be_node ? zone : zone->parent;
    }

    // The lowest that hwloc knows of and has no object for, else the lowest that is free.
    [[nodiscard]] std::optional<NodeId> free_id() const
    {
        const auto* root = hwloc_get_root_obj(hwloc_);
        for (const auto id : to_id_set<NodeId>(root->complete_nodeset)) {
            if (!nodes_.contains(id)) {
                return id;
            }
        }
        for (std::uint32_t number = 0; number < id_set_limit; ++number) {
            if (!nodes_.contains(NodeId{number})) {
                return NodeId{number};
            }
        }
        return std::nullopt;
    }

    hwloc_topology_t hwloc_;
    const std::map<CpuId, hwloc_obj_t>& online_;
    std::map<NodeId, NodePlace> nodes_;
    CpuSet covered_; // CPUs that some node has
};

// Where the node that hwloc means is in topology.nodes.
std::size_t node_position(const Topology& topology, hwloc_obj_t object)
{
    const auto* node = topology.find_node(NodeId{object->os_index});
    return static_cast<std::size_t>(node - topology.nodes.data());
}

// The first matrix of latencies, on the scale of ACPI's SLIT.
void add_told_distances(hwloc_topology_t hwloc, Topology& topology)
{
    unsigned found = 1;
    hwloc_distances_s* matrix = nullptr;
    if (hwloc_distances_get_by_type(hwloc, HWLOC_OBJ_NUMANODE, &found, &matrix,
                                    HWLOC_DISTANCES_KIND_MEANS_LATENCY, 0) != 0 ||
        found == 0) {
        return;
    }
    for (unsigned i = 0; i < matrix->nbobjs; ++i) {
        const auto* row = matrix->values + std::size_t{i} * matrix->nbobjs;
        const auto own = std::max<std::uint64_t>(row[i], 1);
        auto& distances = topology.distance[node_position(topology, matrix->objs[i])];
        for (unsigned j = 0; j < matrix->nbobjs; ++j) {
            distances[node_position(topology, matrix->objs[j])] = static_cast<std::uint32_t>(
                std::min<std::uint64_t>(row[j] * local_distance / own, unreachable));
        }
    }
    hwloc_distances_release(hwloc, matrix);
}

// The nodes with memory that hwloc lends the CPUs of a node to.
NodeSet borrowers(hwloc_topology_t hwloc, const Node& node)
{
    if (node.cpus.empty()) {
        return {};
    }
    const auto* unit = hwloc_get_pu_obj_by_os_index(hwloc, raw(node.cpus.front()));
    return unit == nullptr ? NodeSet{} : to_id_set<NodeId>(unit->nodeset);
}

// Of a node that hwloc leaves out, to and from all others.
void add_distances_of(std::size_t lost, const std::vector<NodeSet>& borrowers_of,
                      std::pair<std::uint32_t, std::uint32_t> near_and_far, Topology& topology)
{
    for (std::size_t i = 0; i < topology.nodes.size(); ++i) {
        if (i != lost) {
            auto others = borrowers_of[i];
            others.insert(topology.nodes[i].id);
            const auto is_near = borrowers_of[lost].intersects(others);
            topology.distance[lost][i] = topology.distance[i][lost] =
                is_near ? near_and_far.first : near_and_far.second;
        }
    }
}

void add_kernel_distances(const KernelNode& node, std::size_t position, const NodeSet& lost,
                          Topology& topology)
{
    for (std::size_t i = 0; i < topology.nodes.size(); ++i) {
        const auto told = node.distance.find(topology.nodes[i].id);
        const auto involved = lost.contains(node.id) || lost.contains(topology.nodes[i].id);
        if (told != node.distance.end() && involved && i != position) {
            topology.distance[position][i] = std::min(told->second, unreachable);
        }
    }
}

} // namespace

Result<std::vector<NodePlace>> find_node_places(hwloc_topology_t hwloc,
                                                const std::vector<KernelNode>& kernel_nodes,
                                                const std::map<CpuId, hwloc_obj_t>& online,
                                                std::vector<std::string>& warnings)
{
    NodeFinder finder{hwloc, online};
    if (auto added = finder.add_objects(); !added) {
        return std::move(added).error();
    }
    finder.add_kernel_nodes(kernel_nodes);
    finder.add_nodes_of_uncovered_cpus(warnings);
    return std::move(finder).places();
}

void add_distances(hwloc_topology_t hwloc, const std::vector<KernelNode>& kernel_nodes,
                   Topology& topology)
{
    const auto count = topology.nodes.size();
    topology.distance.assign(count, std::vector<std::uint32_t>(count, remote_distance));
    for (std::size_t i = 0; i < count; ++i) {
        topology.distance[i][i] = local_distance;
    }
    add_told_distances(hwloc, topology);
    NodeSet lost;
    std::vector<NodeSet> borrowers_of(count);
    std::pair<std::uint32_t, std::uint32_t> near_and_far{unreachable, 0};
    for (std::size_t i = 0; i < count; ++i) {
        const auto& node = topology.nodes[i];
        if (hwloc_get_numanode_obj_by_os_index(hwloc, raw(node.id)) == nullptr) {
            lost.insert(node.id);
            borrowers_of[i] = borrowers(hwloc, node);
        }
    }
    for (std::size_t i = 0; i < count; ++i) {
        for (std::size_t j = 0; j < count && !lost.empty(); ++j) {
            if (i != j && !lost.contains(topology.nodes[i].id) &&
                !lost.contains(topology.nodes[j].id)) {
                near_and_far.first = std::min(near_and_far.first, topology.distance[i][j]);
                near_and_far.second = std::max(near_and_far.second, topology.distance[i][j]);
            }
        }
    }
    if (near_and_far.second == 0) { // there is one node with memory
        near_and_far = {remote_distance, remote_distance};
    }
    for (std::size_t i = 0; i < count; ++i) {
        if (lost.contains(topology.nodes[i].id)) {
            add_distances_of(i, borrowers_of, near_and_far, topology);
        }
    }
    for (const auto& node : kernel_nodes) {
        if (const auto* known = topology.find_node(node.id); known != nullptr && !lost.empty()) {
            const auto position = static_cast<std::size_t>(known - topology.nodes.data());
            add_kernel_distances(node, position, lost, topology);
        }
    }
}

} // namespace virtpind
