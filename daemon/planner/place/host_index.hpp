// SPDX-License-Identifier: LGPL-2.1-or-later
// The host as the planner reads it: built once per plan from a Topology, for look-ups in constant
// time, and as one tree of zones.
#pragma once

#include "common/model/topology.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace virtpind {

// Position in HostIndex::l2_cpus.
enum class L2Index : std::uint32_t {};

// A physical core with its online CPUs; cores without any are left out.
struct HostCore {
    std::vector<CpuId> cpus; // ascending
    CpuSet set;              // the same
    L3Index l3{};
    NodeIndex node{};
    PackageIndex package{};
    KindIndex kind{};
    std::optional<L2Index> l2{}; // where other cores share it
};

// A set of cores that costs something as soon as one of them is used: a package, a node, an L3, an
// L2 of several cores, or all of these at once. Zones nest; one that crosses another is cut into
// pieces that do (`HostIndex::crossing`).
struct Zone {
    struct Part {
        enum class Kind { zone, core } kind = Kind::core;
        std::size_t index = 0; // into HostIndex::zones or HostIndex::cores
    };

    IdSet<CoreIndex> cores; // CoreIndex here is a position in HostIndex::cores
    std::optional<NodeIndex> node;
    std::optional<PackageIndex> package;
    std::optional<L3Index> l3;
    std::optional<L2Index> l2;
    std::vector<Part> parts; // ascending first core; child zones and the cores in none of them
    std::optional<std::size_t> parent{}; // in HostIndex::zones; the whole host has none
    bool above_nodes = false;            // some zone in it is a node
};

struct HostIndex {
    explicit HostIndex(const Topology& host);

    const Topology* topology; // outlives this
    std::vector<HostCore> cores;
    // Children stand before their parents; the last one is the whole host.
    std::vector<Zone> zones;
    bool crossing = false; // some package, node or cache had to be cut
    CpuSet online;
    NodeSet all_nodes;
    CpuSet quiet;            // online, and nothing floats there (Topology::quiet_cpus)
    NodeSet nodes_with_cpus; // online ones
    std::vector<IdSet<PackageIndex>> node_packages; // of its CPUs, offline ones too; by NodeIndex
    // Online CPUs; by NodeIndex, L3Index.
    std::vector<CpuSet> node_cpus;
    std::vector<CpuSet> l3_cpus;
    std::vector<CpuSet> l2_cpus; // of L2s that several cores share; by L2Index
    // Nodes that are one for what is attached to them, by NodeIndex: itself, and where the firmware
    // calls each L3 a node, those others of its package to which it tells no real distance.
    std::vector<NodeSet> near_nodes;
    // Where the memory of a node is, by NodeIndex: itself, but for one without any the first of its
    // near nodes that has some.
    std::vector<NodeIndex> memory_home;
    std::vector<bool> lacks_memory; // by NodeIndex: its home has none, and others have some
    std::vector<bool> has_io;       // by NodeIndex: it or a near one has
    bool has_vcache = false;        // some L3s have V-cache and others do not
    bool io_nodes_set = false;      // some nodes with CPUs have I/O and others do not

    // Whether the host has it, offline or not.
    [[nodiscard]] bool has(CpuId id) const
    {
        const auto* at = find_id(places_, id);
        return at != nullptr && at->cpu != nowhere;
    }

    // Position in `cores` of any CPU that somebody names; absent where this host has it not, or
    // not online.
    [[nodiscard]] std::optional<std::size_t> find_core(CpuId id) const
    {
        const auto* at = find_id(places_, id);
        return at != nullptr && at->core != nowhere ? std::optional{at->core} : std::nullopt;
    }

    // The next two are for CPUs that the plan itself chose. Throw std::out_of_range where the host
    // has them not; core_at() also where they are offline.
    [[nodiscard]] const Cpu& cpu(CpuId id) const
    {
        const auto at = at_id(places_, id).cpu;
        if (at == nowhere) {
            no_such_id(raw(id), places_.size());
        }
        return topology->cpus[at];
    }

    [[nodiscard]] std::size_t core_at(CpuId id) const
    {
        const auto at = at_id(places_, id).core;
        if (at == nowhere) {
            no_such_id(raw(id), places_.size());
        }
        return at;
    }

    // Of `cpus`, those where threads may float; all of them where they are all isolated.
    [[nodiscard]] CpuSet floatable(const CpuSet& cpus) const
    {
        return quiet.includes(cpus) ? cpus : cpus - quiet;
    }

    [[nodiscard]] NodeId node_id(NodeIndex node) const { return at_id(topology->nodes, node).id; }

    // Both directions of the distance between two nodes.
    [[nodiscard]] std::uint32_t distance(NodeIndex a, NodeIndex b) const
    {
        return at_id(at_id(topology->distance, a), b) + at_id(at_id(topology->distance, b), a);
    }

    // How far it is to the nearest of `nodes`: twice the distance, both ways, and one more for
    // those in another package, which decides where the distances are equal. 0 for one of them.
    [[nodiscard]] std::uint32_t distance_to(NodeIndex node, const NodeSet& nodes) const;

    // The near nodes of all of these.
    [[nodiscard]] NodeSet near_all(const NodeSet& nodes) const;

    // Where the memory of these is.
    [[nodiscard]] NodeSet memory_homes(const NodeSet& nodes) const;

    // These, and the nodes without any whose memory is on one of them.
    [[nodiscard]] NodeSet with_borrowers(const NodeSet& nodes) const;

private:
    void index_cores();
    void index_l2s();
    void find_near_nodes();
    [[nodiscard]] bool is_one_l3(NodeIndex node) const;
    [[nodiscard]] bool are_near(NodeIndex a, NodeIndex b) const;
    void build_zones();

    static constexpr auto nowhere = static_cast<std::size_t>(-1);

    struct Place {
        std::size_t cpu = nowhere;  // in Topology::cpus
        std::size_t core = nowhere; // in `cores`
    };

    std::vector<Place> places_; // by CPU id
};

} // namespace virtpind
