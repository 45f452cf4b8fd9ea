// SPDX-License-Identifier: LGPL-2.1-or-later
// The host as a plain value: one immutable snapshot of where CPUs, caches, memory and devices sit.
//
// Glossary (use these nouns, and only these):
//   CPU      one logical processor of the host, by its Linux index
//   core     a physical core; its CPUs are siblings
//   L3       the CPUs that share a last-level cache. Where the host reports no L3, the CPUs of one
//            package and node count as one L3 (size 0), so that every CPU has exactly one.
//   node     NUMA node, by Linux index; a node may have no CPUs, or no memory
//   package  socket
//   kind     cores of one type on hybrid hosts; uniform hosts have exactly one kind
// Trees need not nest: an L3 may span nodes, a node may hold several L3s, numbering may be sparse.
// Offline CPUs appear only when the source tells of them; they have their own core where the
// source no longer says which core they belong to.
#pragma once

#include "common/base/by_id.hpp"
#include "common/base/cpu_set.hpp"
#include "common/base/ids.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace virtpind {

enum class CoreClass {
    uniform, // not a hybrid host, or the kinds are uncertain (see warnings)
    performance,
    efficiency,
    low_power, // efficiency cores outside the main cluster (Intel LP-E); never used for vCPUs
               // unless `cores=any`
};

// "uniform", "performance", "efficiency", "low-power".
[[nodiscard]] std::string_view to_string(CoreClass core_class);

struct Kind {
    CoreClass core_class = CoreClass::uniform;
    std::string name; // the source's name ("IntelCore", "IntelAtom", ...); may be empty
    CpuSet cpus;
};

struct Cpu {
    CpuId id{};
    CoreIndex core{};
    L3Index l3{};
    NodeIndex node{};
    PackageIndex package{};
    KindIndex kind{};
    bool online = true;
    bool allowed =
        true; // by the cpuset of the process that reads it; the daemon uses that of machine.slice
    // Smaller is faster: 0 for the fastest CPUs of the host, equal for equal CPUs. From CPPC or
    // amd_pstate preferred-core ranking if the source has it, otherwise 0 for all.
    std::uint32_t rank = 0;
};

struct Core {
    CpuSet cpus; // siblings
    L3Index l3{};
    NodeIndex node{};
    PackageIndex package{};
    KindIndex kind{};
};

struct L3 {
    CpuSet cpus;
    std::uint64_t size_bytes = 0; // 0: unknown, or no such cache (stand-in, see glossary)
    bool vcache = false;          // at least 64 MiB and larger than a sibling L3 of its package
};

struct HugePages {
    std::uint64_t page_kib = 0;
    std::uint64_t total = 0; // pages
    std::uint64_t free = 0;  // pages; equal to total if unknown
};

struct Node {
    NodeId id{};
    CpuSet cpus;                                  // may be empty
    std::uint64_t memory_kib = 0;                 // 0: none
    std::optional<std::uint64_t> free_memory_kib; // unknown for files and synthetic hosts
    std::vector<HugePages> hugepages;             // sorted by page_kib; without the base page size
    bool has_io = false;                          // some PCI device is local to it alone

    // What is not set aside as hugepages, free or not: small pages come from nothing else.
    [[nodiscard]] std::uint64_t ordinary_kib() const;
};

struct Package {
    CpuSet cpus;
};

struct PciDevice {
    std::string address;  // "0000:01:00.0", lower case
    std::string label;    // for people: class or product name; may be empty
    CpuSet cpus;          // local CPUs
    NodeSet nodes;        // local nodes; all nodes when it is local to none in particular
    bool does_io = false; // the host serves its interrupts, unless a guest has it
};

// One cache of any level; for predicting what a guest will see.
struct Cache {
    unsigned level = 0;
    enum class Type { unified, data, instruction } type = Type::unified;
    std::uint64_t size_bytes = 0;
    CpuSet cpus;
};

struct Topology {
    std::vector<Cpu> cpus;   // ascending id; offline and disallowed ones included
    std::vector<Core> cores; // ascending first CPU; likewise for the vectors below
    std::vector<L3> l3s;
    std::vector<Node> nodes; // ascending id
    std::vector<Package> packages;
    std::vector<Kind> kinds;        // never empty
    std::vector<PciDevice> devices; // ascending address
    std::vector<Cache> caches;
    // distance[i][j] between nodes[i] and nodes[j], ACPI SLIT scale (10 is local). Always square;
    // 10 and 20 if the source has no distances.
    std::vector<std::vector<std::uint32_t>> distance;
    // CPUs that the kernel was told at boot to leave alone: the scheduler moves no thread to
    // `isolated` CPUs (isolcpus) or between them; `nohz_full` CPUs run without a tick while they
    // have one thread. Either may name offline CPUs.
    CpuSet isolated;
    CpuSet nohz_full;
    std::string vendor;                // "GenuineIntel", "AuthenticAMD", ...; empty: unknown
    std::vector<std::string> warnings; // uncertain classifications, as sentences
    std::uint64_t generation = 0;      // set by the daemon: grows when a new snapshot differs

    // The CPU with this id, or nullptr. O(log n).
    [[nodiscard]] const Cpu* find(CpuId id) const;
    // The same for a known CPU. Throws std::out_of_range if it is unknown.
    [[nodiscard]] const Cpu& cpu(CpuId id) const;
    [[nodiscard]] const Node* find_node(NodeId id) const;
    [[nodiscard]] const PciDevice* find_device(std::string_view address) const;
    [[nodiscard]] CpuSet all_cpus() const;
    [[nodiscard]] CpuSet online_cpus() const;
    // Online and allowed: the CPUs that threads may be pinned to.
    [[nodiscard]] CpuSet usable_cpus() const;

    [[nodiscard]] NodeSet all_nodes() const;

    // CPUs outside the pool: isolated or nohz_full. A thread that may use several isolated CPUs
    // stays on one of them for good.
    [[nodiscard]] CpuSet quiet_cpus() const { return isolated | nohz_full; }

    // Nodes that have memory.
    [[nodiscard]] NodeSet memory_nodes() const;

    [[nodiscard]] bool is_hybrid() const { return kinds.size() > 1; }

    // Nodes whose CPUs intersect `wanted`.
    [[nodiscard]] NodeSet nodes_of(const CpuSet& wanted) const;
    // CPUs of the given nodes.
    [[nodiscard]] CpuSet cpus_of(const NodeSet& wanted) const;
};

// Whether two snapshots are equal in everything that placement uses (all but free memory and
// generation).
[[nodiscard]] bool same_layout(const Topology& a, const Topology& b);

} // namespace virtpind
