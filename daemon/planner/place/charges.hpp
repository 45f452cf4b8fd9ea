// SPDX-License-Identifier: LGPL-2.1-or-later
// What one dedicated domain pays for what its vCPUs use of the host: the terms of the cost that add
// up are defined here, and only here. The search packs these charges (core_packing.hpp), and
// cost.hpp sums them up over a placement.
#pragma once

#include "common/model/plan.hpp"
#include "host_index.hpp"
#include "score.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace virtpind {

// What the other domains leave to the one being placed.
struct Surroundings {
    CpuSet free;         // usable, not housekeeping, not claimed by another domain
    CpuSet claimed;      // by other domains
    CpuSet housekeeping; // the host's own
    CpuSet loaded{};     // guests of others may float there, without a claim
};

// Where the domain's devices are attached; those aside that are as near to all nodes.
[[nodiscard]] NodeSet attached_nodes(const HostIndex& host, const Intent& intent);

// The nodes that are local to each of the domain's devices, with the near ones of these
// (HostIndex::near_nodes); for those that are nearer to some nodes of this host than to others.
[[nodiscard]] std::vector<NodeSet> device_places(const HostIndex& host, const Intent& intent);

// Nodes local to any of them; empty: there is no such device.
[[nodiscard]] NodeSet device_nodes(const HostIndex& host, const Intent& intent);

// The CPUs that the option device leaves to the domain; absent: no restriction.
[[nodiscard]] std::optional<CpuSet> device_cpus(const HostIndex& host, const Intent& intent);

// Whether a vCPU there is beside what the scheduler moves about, although the host has CPUs that
// are isolated from it.
[[nodiscard]] bool is_unquiet(const HostIndex& host, CpuId cpu);

[[nodiscard]] bool is_low_power(const HostIndex& host, KindIndex kind);

// An L3 with V-cache on a host that has others, too.
[[nodiscard]] bool is_big_cache(const HostIndex& host, L3Index l3);

class Charges {
public:
    // All three outlive this.
    Charges(const HostIndex& host, const Intent& intent, const Surroundings& around);

    // Paid once for a node, a package, an L3, an L2 or a core as soon as a vCPU is on it. `part`:
    // the CPUs of the L3, or of the piece of it that is paid for.
    [[nodiscard]] Score of_node(NodeIndex node) const;
    [[nodiscard]] static Score of_package();
    [[nodiscard]] Score of_l3(L3Index l3, const CpuSet& part) const;
    [[nodiscard]] Score of_l2(L2Index l2) const;
    [[nodiscard]] Score of_core(const HostCore& core) const;

    // Paid once more for a core that so many vCPUs are on.
    [[nodiscard]] Score of_vcpus_on(const HostCore& core, std::size_t vcpus) const;

    // Paid for each vCPU: for the node and the L3 that it is on, and for its CPU.
    [[nodiscard]] Score of_vcpu_on(NodeIndex node, L3Index l3) const;
    [[nodiscard]] Score of_cpu(CpuId id) const;

private:
    [[nodiscard]] bool shares(L3Index l3) const;
    [[nodiscard]] bool has_neighbours(L3Index l3) const;
    [[nodiscard]] bool is_remote(NodeIndex node) const;

    const HostIndex& host_;
    const Intent& intent_;
    const Surroundings& around_;
    bool few_l3s_are_free_ = false;
    NodeSet local_;                              // to its devices
    std::vector<std::uint32_t> device_distance_; // by NodeIndex; empty: no device is anywhere
};

} // namespace virtpind
