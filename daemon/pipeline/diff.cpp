// SPDX-License-Identifier: LGPL-2.1-or-later
#include "diff.hpp"

#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace virtpind {

namespace {

// What a thread may use: its own pin, else <vcpu cpuset>, else every online CPU.
CpuSet effective(const CpuSet* own, const PinSet& pins, const CpuSet& online)
{
    if (own != nullptr) {
        return *own;
    }
    return pins.vcpu_cpuset ? *pins.vcpu_cpuset : online;
}

template <class Id>
const CpuSet* find_pin(const std::map<Id, CpuSet>& pins, Id id)
{
    const auto at = pins.find(id);
    return at != pins.end() ? &at->second : nullptr;
}

// Pins wider than the host mean the same as all of the host.
bool same_mask(const CpuSet& a, const CpuSet& b, const CpuSet& online)
{
    return a == b || (a & online) == (b & online);
}

class LiveDiff {
public:
    explicit LiveDiff(const DiffInput& input) : input_{input}, pins_{*input.seen.live} {}

    void vcpu(VcpuId id, const CpuSet& wanted)
    {
        const auto plugged = input_.seen.facts.vcpus_online.contains(id);
        if (!plugged && !input_.abilities.pin_offline_vcpus) {
            return;
        }
        const auto held = same_mask(effective(find_pin(pins_.vcpus, id), pins_, input_.online),
                                    wanted, input_.online);
        const auto* actual =
            input_.seen.actual_vcpus ? find_pin(*input_.seen.actual_vcpus, id) : nullptr;
        const auto obeyed =
            !plugged || actual == nullptr || same_mask(*actual, wanted, input_.online);
        if (!held || !obeyed) {
            actions_.emplace_back(PinVcpu{.vcpu = id, .cpus = wanted});
        }
    }

    void emulator(const CpuSet& wanted)
    {
        const auto* own = pins_.emulator ? &*pins_.emulator : nullptr;
        if (!same_mask(effective(own, pins_, input_.online), wanted, input_.online)) {
            actions_.emplace_back(PinEmulator{.cpus = wanted});
        }
    }

    void iothread(IothreadId id, const CpuSet& wanted)
    {
        const auto* own = find_pin(pins_.iothreads, id);
        if (!same_mask(effective(own, pins_, input_.online), wanted, input_.online)) {
            actions_.emplace_back(PinIothread{.iothread = id, .cpus = wanted});
        }
    }

    // libvirt can move memory live only in mode restrictive, or where no numatune is set yet.
    void numa(const NumaTune& wanted)
    {
        const auto& now = pins_.numatune;
        const auto possible = input_.abilities.live_numatune && !wanted.nodes.empty() &&
                              wanted.mode == NumaMode::restrictive &&
                              (!now || now->mode == NumaMode::restrictive);
        if (possible && (!now || now->nodes != wanted.nodes)) {
            actions_.emplace_back(SetNuma{.numatune = wanted});
        }
    }

    [[nodiscard]] std::vector<LiveAction> take() { return std::move(actions_); }

private:
    const DiffInput& input_;
    const PinSet& pins_;
    std::vector<LiveAction> actions_;
};

// Members of `wanted` that `now` does not have.
std::optional<DefinitionChange> definition_diff(const PinSet& now, const PinSet& wanted)
{
    DefinitionChange change;
    for (const auto& [id, cpus] : wanted.vcpus) {
        if (const auto* pin = find_pin(now.vcpus, id); pin == nullptr || *pin != cpus) {
            change.pins.vcpus.emplace(id, cpus);
        }
    }
    for (const auto& [id, cpus] : wanted.iothreads) {
        if (const auto* pin = find_pin(now.iothreads, id); pin == nullptr || *pin != cpus) {
            change.pins.iothreads.emplace(id, cpus);
        }
    }
    if (wanted.emulator && now.emulator != wanted.emulator) {
        change.pins.emulator = wanted.emulator;
    }
    if (wanted.numatune && now.numatune != wanted.numatune) {
        change.pins.numatune = wanted.numatune;
    }
    return change.pins == PinSet{} ? std::nullopt : std::optional{std::move(change)};
}

DomainActions actions_for(const ObservedDomain& seen)
{
    DomainActions actions;
    actions.uuid = seen.facts.uuid;
    actions.name = seen.facts.name;
    actions.id = seen.facts.id;
    return actions;
}

} // namespace

DomainActions diff(const DiffInput& input, const DomainPlan& plan)
{
    auto actions = actions_for(input.seen);
    if (input.seen.live && input.live == DiffInput::Live::now) {
        LiveDiff live{input};
        for (const auto& [id, cpus] : plan.vcpus) {
            live.vcpu(id, cpus);
        }
        live.emulator(plan.emulator);
        for (const auto& [id, cpus] : plan.iothreads) {
            live.iothread(id, cpus);
        }
        if (plan.numatune && !input.seen.facts.memory_locked) {
            live.numa(*plan.numatune);
        }
        actions.live = live.take();
    }
    if (input.seen.config) {
        PinSet wanted;
        wanted.vcpus = plan.vcpus;
        wanted.emulator = plan.start_emulator.value_or(plan.emulator);
        wanted.iothreads = plan.iothreads;
        wanted.numatune = plan.numatune;
        actions.definition = definition_diff(*input.seen.config, wanted);
    }
    return actions;
}

DomainActions diff_restore(const DiffInput& input, const BeforeImage& before,
                           std::string_view boot_id)
{
    auto actions = actions_for(input.seen);
    if (input.seen.live && input.live == DiffInput::Live::now) {
        const auto same_run =
            before.live && before.id == input.seen.facts.id && before.boot_id == boot_id;
        const auto target = same_run ? *before.live : before.config.value_or(PinSet{});
        LiveDiff live{input};
        for (std::uint32_t i = 0; i < input.seen.facts.vcpus_max; ++i) {
            live.vcpu(VcpuId{i},
                      effective(find_pin(target.vcpus, VcpuId{i}), target, input.online));
        }
        live.emulator(
            effective(target.emulator ? &*target.emulator : nullptr, target, input.online));
        for (const auto id : input.seen.facts.iothreads) {
            live.iothread(id, effective(find_pin(target.iothreads, id), target, input.online));
        }
        if (target.numatune) {
            live.numa(*target.numatune);
        }
        actions.live = live.take();
    }
    if (input.seen.config && before.config && *input.seen.config != *before.config) {
        actions.definition =
            DefinitionChange{.mode = DefinitionChange::Mode::replace, .pins = *before.config};
    }
    return actions;
}

} // namespace virtpind
