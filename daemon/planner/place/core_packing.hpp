// SPDX-License-Identifier: LGPL-2.1-or-later
// How many CPUs of which core: the exact core of the search.
//
// Every term that adds up over cores and zones is minimised by a dynamic programme over the tree
// of zones: for each zone and each number of vCPUs, the best score. Zones inside one node are
// computed once; what lies above is computed again for each set of limits per node.
// Time O(C * W * T + V * S) for C cores of W threads, V vCPUs and a tree with S = sum of the
// sizes of its tables, at most V per part; no term is exponential.
#pragma once

#include "common/model/policy.hpp"
#include "host_index.hpp"
#include "score.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace virtpind {

// What one core offers to the domain that is being placed.
struct CoreOffer {
    std::vector<CpuId> cpus;  // in the order they would be taken; those it must keep come first
    std::size_t keep = 0;     // how many it must take
    std::size_t most = 0;     // how many it may take; the domain uses 0 or keep..most
    std::vector<Score> costs; // of taking the first, the first two, ... of `cpus`, up to `most`
};

// vCPUs that a node may hold: none unless it is required, else least..most.
struct NodeLimit {
    std::size_t least = 1;
    std::size_t most = id_set_limit;
    bool required = false;
    friend bool operator==(const NodeLimit&, const NodeLimit&) = default;
};

// vCPUs that a zone or a core is to hold.
struct CountLimit {
    std::size_t least = 0;
    std::size_t most = id_set_limit;
    friend bool operator==(const CountLimit&, const CountLimit&) = default;
};

// What a search over several domains allows one of them; by position in HostIndex. Zones of several
// nodes have no limits but those of their nodes, which are chosen by what each can hold.
struct PackLimits {
    std::vector<CountLimit> zones;
    std::vector<CountLimit> cores;
    friend bool operator==(const PackLimits&, const PackLimits&) = default;
};

struct PackDemand {
    std::size_t vcpus = 0;
    std::size_t guest_threads = 1; // vCPUs per guest core to be kept together
    std::vector<CoreOffer> offers; // by position in HostIndex::cores
    std::vector<Score> zone_costs; // by HostIndex::zones, paid when any core is used
    bool evenly = false; // among equal costs: parts of one size, not one as large as can be
    const PackLimits* limits = nullptr; // of zones; those of cores are part of the offers
};

struct Packing {
    Score score;
    std::vector<std::size_t> taken; // CPUs by position in HostIndex::cores
    std::vector<std::size_t> nodes; // vCPUs by NodeIndex
};

// Storage for the tables, kept from one domain to the next.
using PackTables = std::vector<Score>;

class Packer {
public:
    // All three outlive this.
    Packer(const HostIndex& host, const PackDemand& demand, PackTables& scores);

    // The best packing within `limits` (by NodeIndex), if there is any. Among equals the one that
    // takes most from the lowest cores.
    [[nodiscard]] std::optional<Packing> pack(const std::vector<NodeLimit>& limits);

    // The most vCPUs that one node can hold. By NodeIndex.
    [[nodiscard]] const std::vector<std::size_t>& node_capacity() const { return node_capacity_; }

    // Whether some vCPU has to stay on this node.
    [[nodiscard]] bool must_use(NodeIndex node) const;

    // Whether two nodes can stand in for each other: same tables, same parent zone.
    [[nodiscard]] bool alike(NodeIndex a, NodeIndex b) const;

    // Table cells computed so far; the unit of counted work.
    [[nodiscard]] std::uint64_t work() const { return work_; }

private:
    // Tables of one zone: for each part, the best of it and all later parts.
    struct ZoneTable {
        std::vector<std::size_t> first; // offset into scores_ by part, and one past the last part
        std::vector<std::size_t> most;  // largest count of that table
        std::size_t capacity = 0;
        bool above_nodes = false;
        std::optional<std::size_t> parent;
    };

    void lay_out();
    void fill(std::size_t zone);
    [[nodiscard]] Score core_score(std::size_t core, std::size_t count) const;
    [[nodiscard]] std::size_t part_capacity(const Zone::Part& part) const;
    [[nodiscard]] Score part_score(const Zone::Part& part, std::size_t count) const;
    [[nodiscard]] Score zone_score(std::size_t zone, std::size_t count) const;
    [[nodiscard]] bool within_limit(std::size_t zone, std::size_t count) const;
    void trace(std::size_t zone, std::size_t count, Packing& packing) const;

    const HostIndex& host_;
    const PackDemand& demand_;
    PackTables& scores_;
    std::vector<ZoneTable> tables_;
    std::vector<std::size_t> core_first_; // offset of a core's own scores
    std::vector<std::size_t> node_capacity_;
    std::vector<std::size_t> node_zone_;
    std::vector<NodeLimit> limits_;
    std::uint64_t work_ = 0;
};

} // namespace virtpind
