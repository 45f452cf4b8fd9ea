// SPDX-License-Identifier: LGPL-2.1-or-later
// What the kernel tells of this host beyond hwloc: free memory, rank of cores, core types, and the
// CPUs that guests may use. Thread: any; blocking (a few small files of /sys).
#pragma once

#include "common/model/topology.hpp"
#include "core_kinds.hpp"

#include <filesystem>
#include <vector>

namespace virtpind::host {

// Core types from the PMU masks (/sys/devices/cpu_core, cpu_atom, cpu_lowpower); empty on hosts
// that have none.
[[nodiscard]] std::vector<KindHint> read_core_types(const std::filesystem::path& root);

// Under these names a topology file notes them at its root.
inline constexpr const char* isolated_note = "virtpind-isolated";
inline constexpr const char* nohz_full_note = "virtpind-nohz-full";

// Fills in Topology::isolated and nohz_full, as the kernel was told at boot. Lists that cannot be
// understood count as empty, with a warning.
void add_quiet_cpus(Topology& topology, const std::filesystem::path& root);

// Fills in Cpu::rank and Cpu::allowed, Node::free_memory_kib and HugePages::free.
//
// Guests run in machine.slice, so that slice's cpuset says what is allowed, never the one this
// process happens to be in; while there is no such cpuset, the root one.
// Free memory is what can be had without swapping: free pages, page cache and reclaimable slab.
void add_live_facts(Topology& topology, const std::filesystem::path& root);

} // namespace virtpind::host
