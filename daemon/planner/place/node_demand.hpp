// SPDX-License-Identifier: LGPL-2.1-or-later
// What a domain asks of the host's nodes, and what it gets of them.
#pragma once

#include "core_packing.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace virtpind {

struct NodeDemand {
    enum class Spread { no, even } spread = Spread::no;
    enum class Nodes { any, single } nodes = Nodes::any;

    // Whether no term that the packing minimises comes before the number of nodes.
    bool fewest_first = true;

    struct Cell {
        std::size_t vcpus = 0;
        std::uint64_t memory_kib = 0; // 0: unknown
        IdSet<NodeIndex> bound;       // it has vCPUs there that stay
    };

    std::size_t vcpus = 0;
    std::vector<Cell> cells;      // empty, or at least two
    std::vector<NodeSet> devices; // of a guest with cells: the nodes that each is local to
    std::uint64_t memory_kib = 0; // 0: no constraint
    // By NodeIndex; absent: unknown, taken as enough.
    std::vector<std::optional<std::uint64_t>> available_kib;
};

// Whether these nodes, or where their memory is (HostIndex::memory_home), have what it needs.
[[nodiscard]] bool memory_suffices(const HostIndex& host, const NodeDemand& demand,
                                   const std::vector<NodeIndex>& nodes);

struct NodeChoice {
    Packing packing;
    std::vector<NodeIndex> cell_nodes; // by cell; empty when cells were not, or could not be, kept
    std::size_t devices_missed = 0;    // those with no cell on their nodes
    std::uint32_t distance = 0;
    bool proven = false; // no other choice costs less in the terms seen here
};

} // namespace virtpind
