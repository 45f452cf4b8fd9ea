// SPDX-License-Identifier: LGPL-2.1-or-later
// From the host CPUs that a domain got to vCPU numbers: which vCPU sits where. Pure.
#pragma once

#include "common/model/domain.hpp"
#include "common/model/policy.hpp"
#include "common/model/topology.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace virtpind {

// More need an interrupt remapping unit in the guest, which is not ours to add.
constexpr std::uint32_t vcpus_max_without_eim = 255;

// Guest cell (its position) of each CPU; empty where the guest has no cells.
using CellOfCpu = std::map<CpuId, std::uint32_t>;

// Where one CPU is among those chosen. Numbers start at 0 and count only what is used: the second
// L3 of the host is l3 0 of a domain that has no other.
struct Seat {
    CpuId cpu{};
    std::uint32_t package = 0;
    std::uint32_t l3 = 0;     // within the package
    std::uint32_t core = 0;   // within the L3
    std::uint32_t thread = 0; // within the core
};

// In the order vCPUs are numbered: the first cell's packages, L3s and cores first, siblings beside
// each other however the host numbers them, and cores of which fewer CPUs were chosen last in
// their L3, so that a gap is at its end.
[[nodiscard]] std::vector<Seat> seat_cpus(const Topology& topology, const CpuSet& cpus,
                                          const CellOfCpu& cell_of);

// How much of each there is at most: in a guest, or in the host.
struct Extent {
    std::uint32_t packages = 0;
    std::uint32_t l3s = 0;           // of one package
    std::uint32_t cores = 0;         // of one L3
    std::uint32_t threads = 0;       // of one core
    std::uint32_t package_cores = 0; // of one package
};

[[nodiscard]] Extent extent_of(const std::vector<Seat>& seats);

// A guest package as `dies` times `cores` times `threads` vCPUs. An L3 begins every `l3_step`
// cores: at every die, or at blocks of cores within a single one.
struct Frame {
    std::uint32_t dies = 1;
    std::uint32_t cores = 1;
    std::uint32_t threads = 1;
    std::uint32_t l3_step = 1;
};

struct GuestLayout {
    GuestTopology topology;
    std::map<VcpuId, CpuId> cpus; // of the vCPUs enabled; the first one is vCPU 0

    [[nodiscard]] VcpuSet enabled() const;
};

// Frames that the domain could have, best first: with `choice` host those of the host's packages,
// in which what is not chosen stays empty, then those of the chosen CPUs alone. `l3_block`: how
// many APIC ids the guest believes to share an L3, where its dies do not decide that.
[[nodiscard]] std::vector<Frame> possible_frames(const Topology& topology,
                                                 const std::vector<Seat>& seats,
                                                 TopologyChoice choice,
                                                 std::optional<std::uint32_t> l3_block);

// Nothing when some seat has no room in the frame.
[[nodiscard]] std::optional<GuestLayout> lay_out(const std::vector<Seat>& seats,
                                                 const Frame& frame);

// Whether the guest's cores are cores of the host, and its sockets are packages: vCPUs share one
// where they really do, and only there.
[[nodiscard]] bool mirrors_cores(const Topology& topology, const GuestLayout& layout);

// `topology` with headroom for `vcpus`: more cores of a single die, more dies of a single package,
// or more packages. No vCPU changes its place, nor any APIC id. Rounding up does not lead beyond
// what the guest can have as it is.
[[nodiscard]] GuestTopology with_headroom(GuestTopology topology, std::uint32_t vcpus);

} // namespace virtpind
