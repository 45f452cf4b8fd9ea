// SPDX-License-Identifier: LGPL-2.1-or-later
#include "elsewhere.hpp"

namespace virtpind {

namespace {

CpuSet named_cpus(const PinSet& pins)
{
    CpuSet named = pins.emulator.value_or(CpuSet{});
    named |= pins.vcpu_cpuset.value_or(CpuSet{});
    for (const auto& [vcpu, cpus] : pins.vcpus) {
        named |= cpus;
    }
    for (const auto& [iothread, cpus] : pins.iothreads) {
        named |= cpus;
    }
    return named;
}

} // namespace

CpuSet cpus_elsewhere(const Topology& topology, const PinSet& pins)
{
    const auto named = named_cpus(pins);
    return named.empty() ? named : named - topology.all_cpus();
}

NodeSet nodes_elsewhere(const Topology& topology, const PinSet& pins)
{
    NodeSet named;
    if (pins.numatune) {
        named = pins.numatune->nodes;
        for (const auto& [cell, nodes] : pins.numatune->cells) {
            named |= nodes;
        }
    }
    return named - topology.all_nodes();
}

bool asks_numad(const PinSet& pins)
{
    return pins.numatune && pins.numatune->nodes.empty() && pins.numatune->cells.empty();
}

CpuSet cpus_elsewhere(const Topology& topology, const Policy& policy)
{
    const auto named = policy.cpus | policy.emulator.cpus | policy.iothreads.cpus;
    return named.empty() ? named : named - topology.all_cpus();
}

void explain_elsewhere(const Topology& topology, const Intent& intent, DomainPlan& plan)
{
    const auto cpus = cpus_elsewhere(topology, intent.current);
    if (!cpus.empty()) {
        plan.reasons.push_back(
            {ReasonCode::pins_elsewhere, {{"cpus", cpus}, {"host_cpus", topology.all_cpus()}}});
    }
    const auto nodes = nodes_elsewhere(topology, intent.current);
    if (!nodes.empty()) {
        plan.reasons.push_back(
            {ReasonCode::pins_elsewhere, {{"nodes", nodes}, {"host_nodes", topology.all_nodes()}}});
    }
    const auto of_policy = cpus_elsewhere(topology, intent.policy);
    if (!of_policy.empty()) {
        plan.reasons.push_back({ReasonCode::policy_elsewhere,
                                {{"cpus", of_policy}, {"host_cpus", topology.all_cpus()}}});
    }
}

} // namespace virtpind
