// SPDX-License-Identifier: LGPL-2.1-or-later
// A domain, a plan for it, and what comes of their difference, for tests of the diff.
#pragma once

#include "daemon/planner/diff.hpp"
#include "tests/support/cpu_sets.hpp"

namespace virtpind::test {

inline const CpuSet online = cpus("0-7");

inline ObservedDomain running_domain()
{
    ObservedDomain seen;
    seen.facts.uuid = DomainUuid{"6695eb01-f6a4-8304-79aa-97f2502e193f"};
    seen.facts.name = "web1";
    seen.facts.id = 4;
    seen.facts.state = RunState::running;
    seen.facts.vcpus_max = 4;
    seen.facts.vcpus_online = VcpuSet::range(0, 1);
    seen.facts.iothreads = {IothreadId{1}};
    seen.running = {.pins = PinSet{}};
    seen.definition = {.pins = PinSet{}};
    return seen;
}

inline DomainPlan plan_for_two()
{
    DomainPlan plan;
    plan.placement = Placement::dedicated;
    plan.vcpus = {{VcpuId{0}, cpus("2")},
                  {VcpuId{1}, cpus("6")},
                  {VcpuId{2}, cpus("2,6")},
                  {VcpuId{3}, cpus("2,6")}};
    plan.emulator = cpus("0,4");
    plan.iothreads = {{IothreadId{1}, cpus("0,4")}};
    return plan;
}

// What libvirt would show once `actions` are applied.
inline ObservedDomain applied(ObservedDomain seen, const DomainActions& actions)
{
    for (const auto& action : actions.live) {
        if (const auto* vcpu = std::get_if<PinVcpu>(&action)) {
            seen.running->pins.vcpus[vcpu->vcpu] = vcpu->cpus;
            if (seen.running->affinities && seen.facts.vcpus_online.contains(vcpu->vcpu)) {
                (*seen.running->affinities)[vcpu->vcpu] = vcpu->cpus;
            }
        } else if (const auto* emulator = std::get_if<PinEmulator>(&action)) {
            seen.running->pins.emulator = emulator->cpus;
        } else if (const auto* iothread = std::get_if<PinIothread>(&action)) {
            seen.running->pins.iothreads[iothread->iothread] = iothread->cpus;
        } else if (const auto* numa = std::get_if<SetNuma>(&action)) {
            seen.running->pins.numatune = numa->numatune;
        } else if (const auto* plug = std::get_if<PlugVcpu>(&action)) {
            seen.facts.vcpus_online.insert(plug->vcpu);
        } else {
            seen.facts.vcpus_online.erase(std::get<UnplugVcpu>(action).vcpu);
        }
    }
    if (actions.definition) {
        const auto& pins = actions.definition->pins;
        if (actions.definition->mode == DefinitionChange::Mode::replace) {
            seen.definition->pins = pins;
        }
        for (const auto& [id, set] : pins.vcpus) {
            seen.definition->pins.vcpus[id] = set;
        }
        for (const auto& [id, set] : pins.iothreads) {
            seen.definition->pins.iothreads[id] = set;
        }
        if (pins.emulator) {
            seen.definition->pins.emulator = pins.emulator;
        }
        if (pins.numatune) {
            seen.definition->pins.numatune = pins.numatune;
        }
    }
    return seen;
}

inline DiffInput input_for(const ObservedDomain& seen)
{
    return {.seen = seen, .online = online, .abilities = {}};
}

} // namespace virtpind::test
