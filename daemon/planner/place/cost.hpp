// SPDX-License-Identifier: LGPL-2.1-or-later
// What one placement of one dedicated domain costs. This is the definition; the search keeps
// its own running sums, and tests hold the two against each other.
#pragma once

#include "common/model/plan.hpp"
#include "host_index.hpp"

#include <map>
#include <optional>
#include <tuple>

namespace virtpind {

// One CPU per online vCPU.
using VcpuMap = std::map<VcpuId, CpuId>;

// What the other domains leave to the one being placed.
struct Surroundings {
    CpuSet free;         // usable, not housekeeping, not claimed by another domain
    CpuSet claimed;      // by other domains
    CpuSet housekeeping; // the host's own
    CpuSet loaded{};     // guests of others may float there, without a claim
};

// The CPU that `vcpu` is pinned to now, when that is a single one, and one of this host: a pin from
// another host, or from before this one changed, is no place to be at.
[[nodiscard]] std::optional<CpuId> present_cpu(const HostIndex& host, const Intent& intent,
                                               VcpuId vcpu);

// Nodes local to any of the domain's devices; empty: no device is nearer to some nodes than to
// others.
[[nodiscard]] NodeSet device_nodes(const HostIndex& host, const Intent& intent);

// Whether vCPUs on this node (NodeIndex) are far from the domain's devices, where `local` are the
// nodes of those, or from any memory.
[[nodiscard]] bool is_remote(const HostIndex& host, const NodeSet& local, std::size_t node);

// Whether a core of this class is what `wish` asks for.
[[nodiscard]] bool is_wished(CoreClass core_class, CoreChoice wish);

// Whether a vCPU there is beside what the scheduler moves about, although the host has CPUs that
// are isolated from it.
[[nodiscard]] bool is_unquiet(const HostIndex& host, CpuId cpu);

// An L3 with V-cache on a host that has others, too.
[[nodiscard]] bool is_big_cache(const HostIndex& host, L3Index l3);

// Whether a vCPU there misses the V-cache. Domains with cache=pack leave it to others.
[[nodiscard]] bool misses_vcache(const HostIndex& host, const Policy& policy, L3Index l3);

// Whether `l3` has neighbours for a domain that wishes to be alone: a claim uses it, or
// housekeeping does, or guests of others may float there. The last two do not count on a V-cache
// L3: half that cache and a few threads are still better than the small L3 next to it.
[[nodiscard]] bool has_neighbours(const HostIndex& host, L3Index l3, const Surroundings& around);

// The terms that a person would do something about, in order.
[[nodiscard]] inline auto weighty_terms(const Cost& cost)
{
    return std::tuple{cost.kind,   cost.imbalance, cost.nodes,   cost.distance,
                      cost.device, cost.packages,  cost.unquiet, cost.siblings,
                      cost.l3,     cost.split,     cost.shared};
}

// Nothing weighty could be better.
[[nodiscard]] inline bool is_perfect(const Cost& cost)
{
    return weighty_terms(cost) <= weighty_terms(Cost{.nodes = 1, .packages = 1, .l3 = 1});
}

// Every term from scratch. Precondition: `pins` names online CPUs, one per vCPU.
[[nodiscard]] Cost cost_of(const HostIndex& host, const Intent& intent, const Surroundings& around,
                           const VcpuMap& pins);

} // namespace virtpind
