// SPDX-License-Identifier: LGPL-2.1-or-later
#include "guest_tuning.hpp"

#include <utility>

namespace virtpind {

std::string describe(const TuningAbilities& abilities)
{
    const auto word = [](const std::optional<bool>& able) {
        return !able ? "unknown" : *able ? "yes" : "no";
    };
    return std::string{"invtsc "} + word(abilities.invtsc) + ", topoext " + word(abilities.topoext);
}

CpuDefinition tuned_definition(CpuDefinition now, const GuestTuning& tuning)
{
    if (tuning.cpus) {
        const auto& cpus = *tuning.cpus;
        const auto vcpus_max = static_cast<std::uint32_t>(cpus.topology.product());
        VcpuSet enabled;
        for (const auto& [vcpu, pin] : cpus.pins) {
            enabled.insert(vcpu);
        }
        // A list that says the same without need is somebody's choice.
        const auto kept = now.lists_vcpus && vcpus_max == now.vcpus_max && enabled == now.enabled;
        now.lists_vcpus = enabled.size() < vcpus_max || kept || tuning.list_vcpus;
        now.vcpus_max = vcpus_max;
        now.enabled = std::move(enabled);
        now.placement = "static";
        now.topology = cpus.topology;
        now.cells = cpus.cells;
    } else if (tuning.enabled) {
        now.enabled = *tuning.enabled;
        now.lists_vcpus = now.lists_vcpus || tuning.list_vcpus;
    }
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
    return tuning.put_back.empty() && tuned_definition(now, tuning) == now &&
           tuned_pins(pins, tuning) == pins;
}

} // namespace virtpind
