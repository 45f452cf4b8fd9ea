// SPDX-License-Identifier: LGPL-2.1-or-later
// Sets of NUMA nodes close to each other: branch and bound over the distance, with nodes that can
// stand in for each other tried once.
#pragma once

#include "node_demand.hpp"

#include <cstdint>
#include <vector>

namespace virtpind {

// Sum over all pairs, both directions.
[[nodiscard]] std::uint32_t distance_between(const HostIndex& host,
                                             const std::vector<NodeIndex>& nodes);

// For each node the next lower one that it can stand in for (same tables, memory and distances),
// by NodeIndex; a search need use it only where that one is used too.
[[nodiscard]] std::vector<std::optional<NodeIndex>>
stand_ins(const HostIndex& host, const Packer& packer, const NodeDemand& demand);

class NodeSubsets {
public:
    struct Found {
        std::vector<std::vector<NodeIndex>> subsets; // all at the same, least distance
        std::uint32_t distance = 0;
        bool complete = true; // the search was not cut short
    };

    // All three outlive this.
    NodeSubsets(const HostIndex& host, const Packer& packer, const NodeDemand& demand);

    // No `count` nodes are closer than this.
    [[nodiscard]] std::uint32_t least_distance(std::size_t count) const;

    // The closest sets of `count` nodes that hold the vCPUs, least..most on each, and the memory.
    [[nodiscard]] Found nearest(std::size_t count, std::size_t least, std::size_t most) const;

private:
    struct Search;
    void extend(Search& search, std::size_t from) const;
    [[nodiscard]] bool hopeless(const Search& search) const;
    void accept(Search& search) const;

    const HostIndex& host_;
    const Packer& packer_;
    const NodeDemand& demand_;
    std::vector<NodeIndex> able_; // nodes that can hold anything
};

} // namespace virtpind
