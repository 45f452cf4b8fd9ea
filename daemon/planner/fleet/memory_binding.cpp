// SPDX-License-Identifier: LGPL-2.1-or-later
#include "memory_binding.hpp"

#include "daemon/planner/place/elsewhere.hpp"
#include "daemon/planner/place/wanted_memory.hpp"

#include <cstdint>
#include <limits>
#include <utility>

namespace virtpind {

namespace {

// Those of `nodes` with memory, and where that of the others is, else the nearest node with memory
// to any of them.
NodeSet with_memory(const HostIndex& host, const NodeSet& nodes)
{
    const auto homes = host.memory_homes(nodes);
    NodeSet having;
    std::optional<NodeId> nearest;
    auto least = std::numeric_limits<std::uint32_t>::max();
    for (std::uint32_t node = 0; node < host.topology->nodes.size(); ++node) {
        const auto& place = host.topology->nodes[node];
        if (place.memory_kib == 0) {
            continue;
        }
        if (homes.contains(place.id)) {
            having.insert(place.id);
        }
        if (const auto distance = host.distance_to(NodeIndex{node}, nodes); distance < least) {
            least = distance;
            nearest = place.id;
        }
    }
    if (having.empty() && nearest) {
        having.insert(*nearest);
    }
    return having;
}

} // namespace

void plan_memory(const MemoryTask& task, DomainPlan& plan)
{
    const auto& intent = task.intent;
    if (intent.policy.memory == MemoryChoice::keep) {
        plan.reasons.push_back({ReasonCode::memory_kept, {{"numad", asks_numad(intent.current)}}});
        return;
    }
    const auto& topology = *task.host.topology;
    // Where there is one node there is nothing to choose; but bound to one that is not there, or to
    // those that numad names, the guest does not start, and one beside the only memory is told
    // where that is.
    const auto own = topology.nodes_of(plan.own_cpus());
    if (!task.several_nodes && nodes_elsewhere(topology, intent.current).empty() &&
        !asks_numad(intent.current) && task.host.memory_homes(own).intersects(own)) {
        return;
    }
    const auto& elsewhere = task.elsewhere;
    if (elsewhere && elsewhere->empty()) {
        plan.reasons.push_back({ReasonCode::memory_short, with_wanted_memory(intent, {})});
        return;
    }
    const auto near = with_memory(task.host, own);
    NumaTune tune;
    tune.mode = intent.memory_locked ? NumaMode::strict : NumaMode::restrictive;
    tune.nodes = elsewhere.value_or(near);
    if (tune.nodes.empty()) {
        return; // nothing is known of the host's memory
    }
    for (const auto& cell : intent.cells) {
        CpuSet cpus;
        for (const auto vcpu : cell.vcpus& intent.vcpus_online) {
            cpus |= plan.vcpus.at(vcpu);
        }
        tune.cells[cell.id] = cpus.empty() || elsewhere
                                  ? tune.nodes
                                  : with_memory(task.host, topology.nodes_of(cpus));
    }
    plan.reasons.push_back({ReasonCode::memory_follows,
                            {{"nodes", tune.nodes}, {"elsewhere", elsewhere.has_value()}}});
    plan.numatune = std::move(tune);
}

} // namespace virtpind
