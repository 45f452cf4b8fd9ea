// SPDX-License-Identifier: LGPL-2.1-or-later
// The nodes that a shared domain floats on: the fewest that hold it, near its devices and each
// other, at the lowest load.
#pragma once

#include "memory_ledger.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <vector>

namespace virtpind {

// KiB of memory that has to be free on its nodes.
[[nodiscard]] std::uint64_t memory_to_bind(const Intent& intent);

class PoolNodes {
public:
    using Nodes = std::vector<std::size_t>; // by NodeIndex

    // `host` outlives this. `pool`: the CPUs over which load is spread.
    PoolNodes(const HostIndex& host, const CpuSet& pool);

    // Those of `cpus` for `intent`, which could have `available` memory on each node. `cpus` loses
    // those that are `used_last` where that costs no further node.
    [[nodiscard]] Nodes choose(const Intent& intent, CpuSet& cpus, const CpuSet& used_last,
                               const MemoryLedger::Amounts& available) const;

    // All that have some of `cpus`.
    [[nodiscard]] Nodes all_of(const CpuSet& cpus) const;

    [[nodiscard]] CpuSet cpus_of(const Nodes& nodes) const;

    // From now on so many vCPUs count as load there. Precondition: `cpus` is not empty.
    void load(const CpuSet& cpus, std::size_t vcpus);

private:
    struct Demand;
    // How many nodes are not those that it likes, by kind, and how far they are from its devices;
    // their distance and packages; their load.
    using Key = std::tuple<std::array<std::size_t, 4>, std::uint64_t, std::uint32_t, std::ptrdiff_t,
                           double, Nodes>;
    [[nodiscard]] static bool is_bound(const Intent& intent, const Demand& demand);
    [[nodiscard]] Nodes with_memory_if_enough(const Demand& demand, Nodes candidates) const;
    [[nodiscard]] Demand demand_of(const Intent& intent, const CpuSet& of,
                                   const MemoryLedger::Amounts& available) const;
    [[nodiscard]] Key key(const Demand& demand, const Nodes& nodes) const;
    [[nodiscard]] Nodes choose_from(const Demand& demand, Nodes candidates, std::size_t first,
                                    std::size_t count) const;
    [[nodiscard]] Nodes choose_some(const Demand& demand, const Nodes& candidates,
                                    std::size_t count) const;
    [[nodiscard]] Nodes choose_on(const Intent& intent, const CpuSet& of, Demand& demand) const;
    [[nodiscard]] Nodes even_nodes(const Intent& intent, const CpuSet& of, Nodes candidates) const;
    [[nodiscard]] double load_with(std::size_t node, std::size_t more) const;

    const HostIndex& host_;
    std::vector<std::size_t> pool_size_; // CPUs by NodeIndex
    std::vector<double> vcpus_;          // admitted so far, by NodeIndex
};

} // namespace virtpind
