// SPDX-License-Identifier: LGPL-2.1-or-later
#include "current_placement.hpp"

#include "siblings.hpp"

namespace virtpind {

namespace {

bool may_keep(const HostIndex& host, const Policy& policy, const Surroundings& around,
              const std::optional<CpuSet>& near_devices, CpuId cpu)
{
    if (!around.free.contains(cpu) || (!policy.cpus.empty() && !policy.cpus.contains(cpu)) ||
        (near_devices && !near_devices->contains(cpu))) {
        return false;
    }
    const auto& core = host.cores[host.core_at(cpu)];
    const auto whole = policy.smt == SmtChoice::require || policy.smt == SmtChoice::isolate;
    const auto core_class = at_id(host.topology->kinds, core.kind).core_class;
    const auto crosses = !is_wished(core_class, policy.cores) &&
                         (core_class == CoreClass::low_power || policy.fallback == Fallback::fail);
    return (!whole || around.free.includes(core.set)) && !crosses;
}

bool hold_together(const HostIndex& host, const Intent& intent, const VcpuMap& kept)
{
    const auto& policy = intent.policy;
    IdSet<KindIndex> kinds;
    IdSet<NodeIndex> nodes;
    NodeSet node_ids;
    IdSet<CoreIndex> cores;
    for (const auto& [vcpu, id] : kept) {
        const auto& cpu = host.cpu(id);
        kinds.insert(cpu.kind);
        nodes.insert(cpu.node);
        node_ids.insert(host.node_id(cpu.node));
        cores.insert(cpu.core);
    }
    const auto one_per_core = policy.smt == SmtChoice::isolate;
    const auto at_home = [&] {
        const auto home = home_nodes(host, intent);
        return home.empty() || home.includes(node_ids);
    };
    return (policy.cores == CoreChoice::any || kinds.size() <= 1) &&
           (policy.numa != NumaChoice::single || nodes.size() <= 1) &&
           (!one_per_core || cores.size() == kept.size()) && (!intent.memory_locked || at_home());
}

} // namespace

KeptPins find_kept_pins(const HostIndex& host, const Intent& intent, const Surroundings& around)
{
    const auto near_devices = device_cpus(host, intent);
    KeptPins kept_pins;
    CpuSet used;
    CpuSet doubled; // several vCPUs float on one CPU: it is nobody's own
    for (const auto vcpu : intent.vcpus_online) {
        const auto cpu = present_cpu(host, intent, vcpu);
        if (!cpu) {
            continue;
        }
        if (used.contains(*cpu)) {
            doubled.insert(*cpu);
        }
        used.insert(*cpu);
        if (may_keep(host, intent.policy, around, near_devices, *cpu)) {
            kept_pins.kept.emplace(vcpu, *cpu);
        } else {
            kept_pins.conflict = true;
        }
    }
    kept_pins.conflict = kept_pins.conflict || !doubled.empty();
    std::erase_if(kept_pins.kept,
                  [&doubled](const auto& entry) { return doubled.contains(entry.second); });
    if (lacks_siblings(host, intent) || !hold_together(host, intent, kept_pins.kept)) {
        return {.kept = {}, .conflict = true};
    }
    return kept_pins;
}

NodeSet home_nodes(const HostIndex& host, const Intent& intent)
{
    if (intent.activity == Activity::dormant) {
        return {};
    }
    // Nodes that this host has not hold nothing.
    if (const auto told = intent.memory_nodes & host.all_nodes; !told.empty()) {
        return host.with_borrowers(told);
    }
    if (intent.activity == Activity::arriving) {
        return {};
    }
    return host.with_borrowers(
        host.topology->nodes_of(intent.current.narrow_cpus(host.online, intent.vcpus_online)));
}

} // namespace virtpind
