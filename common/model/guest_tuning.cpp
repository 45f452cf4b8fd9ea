// SPDX-License-Identifier: LGPL-2.1-or-later
#include "guest_tuning.hpp"

#include <algorithm>
#include <utility>

namespace virtpind {

std::string describe(const TuningAbilities& abilities)
{
    const auto word = [](const std::optional<bool>& able) {
        return !able ? "unknown" : *able ? "yes" : "no";
    };
    return std::string{"invtsc "} + word(abilities.invtsc) + ", topoext " + word(abilities.topoext);
}

namespace {

VcpuSet renumbered(const VcpuSet& vcpus, const std::map<VcpuId, VcpuId>& numbers)
{
    VcpuSet result;
    for (const auto vcpu : vcpus) {
        if (const auto at = numbers.find(vcpu); at != numbers.end()) {
            result.insert(at->second);
        }
    }
    return result;
}

// What is keyed by vCPU; what would name none is not there any more.
std::vector<VcpuKeyed> renumbered(const std::vector<VcpuKeyed>& keyed,
                                  const std::map<VcpuId, VcpuId>& numbers)
{
    std::vector<VcpuKeyed> result;
    for (auto entry : keyed) {
        entry.vcpus = renumbered(entry.vcpus, numbers);
        for (auto& monitor : entry.monitors) {
            monitor = renumbered(monitor, numbers);
        }
        std::erase_if(entry.monitors, [](const VcpuSet& monitor) { return monitor.empty(); });
        if (!entry.vcpus.empty() && (entry.more || !entry.monitors.empty())) {
            result.push_back(std::move(entry));
        }
    }
    return result;
}

VcpuSet enabled_by(const GuestCpus& cpus)
{
    VcpuSet enabled;
    for (const auto& [vcpu, pin] : cpus.pins) {
        enabled.insert(vcpu);
    }
    return enabled;
}

} // namespace

std::optional<std::map<VcpuId, VcpuId>> new_numbers(const CpuDefinition& now, const GuestCpus& cpus)
{
    const auto enabled = enabled_by(cpus);
    const auto vcpus_max = static_cast<std::uint32_t>(cpus.topology.product());
    if (enabled == now.enabled && vcpus_max == now.vcpus_max) {
        return std::nullopt;
    }
    const auto in_order = [](const VcpuSet& first, const VcpuSet& then) {
        std::vector<VcpuId> order(first.begin(), first.end());
        order.insert(order.end(), then.begin(), then.end());
        return order;
    };
    const auto all = [](std::uint32_t count) {
        return count == 0 ? VcpuSet{} : VcpuSet::range(0, count - 1);
    };
    const auto before = in_order(now.enabled, all(now.vcpus_max) - now.enabled);
    // Offline behind all others: room to plug. Offline between them: gaps, which get nothing.
    const auto room = enabled.empty() ? VcpuSet{} : all(vcpus_max) - all(raw(enabled.back()) + 1);
    const auto next = in_order(enabled, room);
    std::map<VcpuId, VcpuId> numbers;
    for (std::size_t i = 0; i < std::min(before.size(), next.size()); ++i) {
        numbers.emplace(before[i], next[i]);
    }
    return numbers;
}

CpuDefinition tuned_definition(CpuDefinition now, const GuestTuning& tuning)
{
    if (tuning.cpus) {
        const auto& cpus = *tuning.cpus;
        const auto vcpus_max = static_cast<std::uint32_t>(cpus.topology.product());
        auto enabled = enabled_by(cpus);
        // Where it says the same already, with or without a list, that is somebody's choice.
        const auto numbers = new_numbers(now, cpus);
        if (numbers) {
            now.keyed = renumbered(now.keyed, *numbers);
        }
        if (numbers || now.topology != cpus.topology) {
            now.lists_vcpus = enabled.size() < vcpus_max || (now.lists_vcpus && !numbers);
        }
        now.lists_vcpus = now.lists_vcpus || tuning.list_vcpus;
        now.vcpus_max = vcpus_max;
        now.enabled = std::move(enabled);
        now.placement = "static";
        now.topology = cpus.topology;
        now.cells = cpus.cells;
    } else if (tuning.enabled) {
        now.enabled = *tuning.enabled;
        now.lists_vcpus = now.lists_vcpus || tuning.list_vcpus;
    }
    now.placement = tuning.static_placement ? "static" : now.placement;
    now.tuned.insert(tuning.apply.begin(), tuning.apply.end());
    for (const auto tune : tuning.withdraw) {
        now.tuned.erase(tune);
    }
    return now;
}

PinSet tuned_pins(PinSet now, const GuestTuning& tuning)
{
    if (!tuning.cpus) {
        return now;
    }
    now.vcpus = tuning.cpus->pins;
    now.vcpu_cpuset = CpuSet{};
    for (const auto& [vcpu, pin] : now.vcpus) {
        *now.vcpu_cpuset |= pin;
    }
    if (tuning.cpus->numatune) {
        now.numatune = tuning.cpus->numatune;
    }
    return now;
}

bool is_tuned(const CpuDefinition& now, const PinSet& pins, const GuestTuning& tuning)
{
    return tuning.revert.empty() && tuned_definition(now, tuning) == now &&
           tuned_pins(pins, tuning) == pins;
}

} // namespace virtpind
