// SPDX-License-Identifier: LGPL-2.1-or-later
// Facts of the kernel about this host that hwloc lacks: free memory, rank of cores, core types, and
// the CPUs that guests may use. Thread: any; blocking (a few small files of /sys).
#pragma once

#include "common/model/topology.hpp"
#include "core_kinds.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <vector>

namespace virtpind {

// Core types from the PMU masks (/sys/devices/cpu_core, cpu_atom, cpu_lowpower); empty if the host
// has none.
[[nodiscard]] std::vector<KindHint> read_core_types(const std::filesystem::path& root);

// The names under which a topology file notes them at its root.
inline constexpr const char* isolated_note = "virtpind-isolated";
inline constexpr const char* nohz_full_note = "virtpind-nohz-full";

// Fills in Topology::isolated and nohz_full from the kernel's boot options. Invalid lists count as
// empty, with a warning.
void add_quiet_cpus(Topology& topology, const std::filesystem::path& root);

// A NUMA node as the kernel has it.
struct KernelNode {
    NodeId id{};
    CpuSet cpus;                              // online ones
    std::map<NodeId, std::uint32_t> distance; // to every node, ACPI SLIT scale; empty: not told
};

// All online nodes in ascending order, also those without memory, which hwloc leaves out; empty
// where the kernel tells of none.
[[nodiscard]] std::vector<KernelNode> read_kernel_nodes(const std::filesystem::path& root);

// Fills in Cpu::rank and Cpu::allowed, Node::free_memory_kib and HugePages::free.
//
// Guests run in machine.slice, so the cpuset of that slice decides, never that of this process; if
// it has none, the root cpuset decides. Free memory is the memory available without swapping: free
// pages, page cache and reclaimable slab.
void add_live_facts(Topology& topology, const std::filesystem::path& root);

} // namespace virtpind
