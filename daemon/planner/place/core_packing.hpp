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
#include "dense_score.hpp"
#include "host_index.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

namespace virtpind {

// What one core offers to the domain that is being placed.
struct CoreOffer {
    std::size_t first = 0; // of its CPUs, in PackDemand::cpus
    std::size_t cpus = 0;
    std::size_t keep = 0; // how many it must take
    std::size_t most = 0; // how many it may take; the domain uses 0 or keep..most
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
    // Of all offers. Those of one in the order they would be taken; those it must keep come first.
    std::vector<CpuId> cpus;
    // Of taking the first, the first two, ... of the CPUs of an offer, up to `most`; by position in
    // `cpus`.
    std::vector<Score> costs;
    std::vector<Score> zone_costs; // by HostIndex::zones, paid when any core is used
    bool evenly = false; // among equal costs: parts of one size, not one as large as can be
    const PackLimits* limits = nullptr; // of zones; those of cores are part of the offers
};

struct Packing {
    Score score;
    std::vector<std::size_t> taken; // CPUs by position in HostIndex::cores
    std::vector<std::size_t> nodes; // vCPUs by NodeIndex
};

// Storage for the tables, kept from one domain to the next: by the words that a score takes.
struct PackTables {
    std::vector<DenseScore<1>> one;
    std::vector<DenseScore<2>> two;
    std::vector<Score> all;
};

class Packer {
public:
    // All three outlive this.
    Packer(const HostIndex& host, const PackDemand& demand, PackTables& tables);
    Packer(const Packer&) = delete;
    Packer(Packer&&) = delete;
    Packer& operator=(const Packer&) = delete;
    Packer& operator=(Packer&&) = delete;
    ~Packer();

    // The best packing within `limits` (by NodeIndex), if there is any. Among equals the one that
    // takes most from the lowest cores.
    [[nodiscard]] std::optional<Packing> pack(const std::vector<NodeLimit>& limits);

    // The most vCPUs that one node can hold. By NodeIndex.
    [[nodiscard]] const std::vector<std::size_t>& node_capacity() const;

    // Whether some vCPU has to stay on this node.
    [[nodiscard]] bool must_use(NodeIndex node) const;

    // Whether two nodes can stand in for each other: same tables, same parent zone.
    [[nodiscard]] bool alike(NodeIndex a, NodeIndex b) const;

private:
    class Search;
    template <class Value>
    class SearchOf;

    std::unique_ptr<Search> search_;
};

} // namespace virtpind
