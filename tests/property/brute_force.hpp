// SPDX-License-Identifier: LGPL-2.1-or-later
// The best placement of one domain by trying them all; for hosts of a dozen CPUs.
#pragma once

#include "daemon/planner/place/guest_shape.hpp"
#include "daemon/planner/place/placer.hpp"

#include <optional>

namespace virtpind::test {

// Every injective map of vCPUs to CPUs that meets the hard constraints, less those that differ only
// by swapping vCPUs which nothing tells apart.
class BruteForce {
public:
    BruteForce(const HostIndex& host, const PlaceTask& task)
        : host_{host}
        , task_{task}
        , policy_{task.intent.policy}
        , shape_{guest_shape(task.intent)}
        , by_devices_{cpus_by_devices()}
    {
        for (const auto& core : shape_.cores) {
            order_.insert(order_.end(), core.begin(), core.end());
        }
    }

    [[nodiscard]] std::optional<Cost> best()
    {
        try_from(0);
        return best_;
    }

private:
    void try_from(std::size_t at)
    {
        if (at == order_.size()) {
            if (whole_holds()) {
                const auto cost = cost_of(host_, task_.intent, task_.around, pins_);
                best_ = best_ ? std::min(*best_, cost) : cost;
            }
            return;
        }
        const auto kept = task_.kept.find(order_[at]);
        for (const auto cpu : task_.around.free) {
            if ((kept != task_.kept.end() && kept->second != cpu) || used_.contains(cpu) ||
                !may_use(cpu) || redundant(at, cpu)) {
                continue;
            }
            used_.insert(cpu);
            pins_[order_[at]] = cpu;
            try_from(at + 1);
            pins_.erase(order_[at]);
            used_.erase(cpu);
        }
    }

    [[nodiscard]] bool may_use(CpuId cpu) const
    {
        const auto& core = host_.cores[host_.core_at(cpu)];
        const auto whole = policy_.smt == SmtChoice::require || policy_.smt == SmtChoice::isolate;
        return (policy_.cpus.empty() || policy_.cpus.contains(cpu)) && by_devices_.contains(cpu) &&
               (!whole || task_.around.free.includes(core.set)) &&
               (policy_.cores == CoreChoice::any ||
                host_.topology->kinds[raw(core.kind)].core_class != CoreClass::low_power);
    }

    // What the option device allows.
    [[nodiscard]] CpuSet cpus_by_devices() const
    {
        NodeSet local;
        for (const auto& device : task_.intent.devices) {
            const auto near = host_.near_all(device.nodes);
            local |= near.includes(host_.nodes_with_cpus) ? NodeSet{} : near;
        }
        if (policy_.device == DeviceChoice::prefer || local.empty()) {
            return host_.online;
        }
        CpuSet allowed;
        for (const auto& cpu : host_.topology->cpus) {
            const auto by = [&](const Cpu& other) {
                return policy_.device == DeviceChoice::package ? cpu.package == other.package
                                                               : cpu.node == other.node;
            };
            for (const auto& other : host_.topology->cpus) {
                if (local.contains(host_.node_id(other.node)) && by(other)) {
                    allowed.insert(cpu.id);
                }
            }
        }
        return allowed;
    }

    [[nodiscard]] bool whole_holds() const
    {
        IdSet<KindIndex> kinds;
        IdSet<NodeIndex> nodes;
        IdSet<CoreIndex> cores;
        for (const auto& [vcpu, cpu] : pins_) {
            kinds.insert(host_.cpu(cpu).kind);
            nodes.insert(host_.cpu(cpu).node);
            cores.insert(host_.cpu(cpu).core);
        }
        const auto one_per_core = policy_.smt == SmtChoice::isolate;
        return (policy_.cores == CoreChoice::any || kinds.size() == 1) && kind_holds(kinds) &&
               (policy_.numa != NumaChoice::single || nodes.size() == 1) &&
               (!one_per_core || cores.size() == pins_.size()) && memory_holds(nodes);
    }

    [[nodiscard]] bool kind_holds(const IdSet<KindIndex>& kinds) const
    {
        return policy_.fallback != Fallback::fail ||
               is_wished(host_.topology->kinds[raw(kinds.front())].core_class, policy_.cores);
    }

    [[nodiscard]] bool memory_holds(const IdSet<NodeIndex>& nodes) const
    {
        IdSet<NodeIndex> homes;
        for (const auto node : nodes) {
            homes.insert(host_.memory_home[raw(node)]);
        }
        std::uint64_t sum = 0;
        for (const auto node : homes) {
            if (!task_.available_kib[raw(node)]) {
                return true;
            }
            sum += *task_.available_kib[raw(node)];
        }
        return policy_.memory == MemoryChoice::keep || sum >= task_.intent.memory_kib;
    }

    // Swapping this vCPU with an earlier, equal one gives a placement that is tried as well.
    [[nodiscard]] bool redundant(std::size_t at, CpuId cpu) const
    {
        if (!task_.kept.empty() || !shape_.cells.empty()) {
            return false;
        }
        if (!shape_.siblings_matter) {
            return at > 0 && cpu < pins_.at(order_[at - 1]);
        }
        std::size_t start = 0;
        std::size_t core = 0;
        while (start + shape_.cores[core].size() <= at) {
            start += shape_.cores[core++].size();
        }
        if (at > start) {
            return cpu < pins_.at(order_[at - 1]);
        }
        return core > 0 && shape_.cores[core - 1].size() == shape_.cores[core].size() &&
               cpu < pins_.at(order_[start - shape_.cores[core - 1].size()]);
    }

    const HostIndex& host_;
    const PlaceTask& task_;
    const Policy& policy_;
    GuestShape shape_;
    CpuSet by_devices_;
    std::vector<VcpuId> order_;
    VcpuMap pins_;
    CpuSet used_;
    std::optional<Cost> best_;
};

} // namespace virtpind::test
