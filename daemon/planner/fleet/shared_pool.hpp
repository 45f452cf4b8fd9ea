// SPDX-License-Identifier: LGPL-2.1-or-later
// Where shared domains float: the part of the pool on the nodes that are chosen for one.
#pragma once

#include "memory_ledger.hpp"
#include "pool_nodes.hpp"

#include <cstddef>
#include <cstdint>

namespace virtpind {

// The part that one domain floats on.
struct Share {
    CpuSet cpus;
    // What `cpus` are. Without a pool, or where locked memory holds a domain on nodes without one,
    // it floats on housekeeping, and without that on CPUs that others claim; never on isolated
    // CPUs beside others.
    enum class On { pool, housekeeping, claimed } on = On::pool;
    bool holds = false;           // at least as many CPUs as the domain has vCPUs online
    bool mixed = false;           // cores of several kinds
    bool bound_by_memory = false; // locked memory confines it to nodes
    // What it asked for and does not get.
    bool beyond_cpus = false;  // nothing of the option cpus is there
    bool off_devices = false;  // what the option device allows has too few CPUs there
    bool over_nodes = false;   // numa=single, but no node holds it
    bool memory_short = false; // the nodes do not have its memory free
    // Where its memory goes: the nodes of `cpus`, or if that is too little, with the nearest that
    // make up for it; empty: all nodes together have too little.
    NodeSet memory_nodes;

    [[nodiscard]] bool as_asked() const
    {
        return on == On::pool && !beyond_cpus && !off_devices && !over_nodes && !memory_short;
    }
};

class SharedPool {
public:
    struct Pool {
        CpuSet cpus;
        CpuSet used_last; // only by those that do not find enough on as few nodes beside it
    };

    // Precondition: `usable` is not empty.
    SharedPool(const HostIndex& host, Pool pool, CpuSet housekeeping, CpuSet usable);

    // The part for `intent`, which could have `available` memory on each node.
    [[nodiscard]] Share find(const Intent& intent, const MemoryLedger::Amounts& available) const;

    // The part for those of a dedicated domain's vCPUs that float, near the CPUs that the others
    // have: its L3s, nodes, the nearest nodes. Where there is neither a pool nor housekeeping for
    // them, they are on `own`, too, and Share::on says claimed.
    [[nodiscard]] Share find_beside(const Intent& intent, const CpuSet& own) const;

    // From now on so many vCPUs count as load there. Precondition: `cpus` is not empty.
    void load(const CpuSet& cpus, std::size_t vcpus) { nodes_.load(cpus, vcpus); }

private:
    void reach(const Intent& intent, Share& share) const;
    [[nodiscard]] CpuSet kind_part(const Intent& intent, const CpuSet& cpus) const;
    [[nodiscard]] CpuSet near_part(const CpuSet& cpus, const CpuSet& own, std::size_t count) const;
    [[nodiscard]] NodeSet nodes_with(std::uint64_t memory_kib,
                                     const MemoryLedger::Amounts& available,
                                     const NodeSet& near) const;

    const HostIndex& host_;
    CpuSet pool_;
    CpuSet used_last_;
    CpuSet housekeeping_; // where threads may float
    CpuSet usable_;
    PoolNodes nodes_;
};

} // namespace virtpind
