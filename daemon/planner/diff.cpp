// SPDX-License-Identifier: LGPL-2.1-or-later
#include "diff.hpp"

#include "common/model/parts.hpp"
#include "common/model/undo_merge.hpp"

#include <algorithm>
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
    // Masks that mean the same within `scope` are the same.
    LiveDiff(const DiffInput& input, CpuSet scope)
        : input_{input}, scope_{std::move(scope)}, pins_{input.seen.running->pins}
    {}

    void vcpu(VcpuId id, const CpuSet& wanted)
    {
        const auto plugged = input_.seen.facts.vcpus_online.contains(id);
        if (!plugged && !input_.abilities.pin_offline_vcpus) {
            return;
        }
        const auto pinned =
            same_mask(effective(find_pin(pins_.vcpus, id), pins_, input_.online), wanted, scope_);
        const auto* actual = input_.seen.running->affinities
                                 ? find_pin(*input_.seen.running->affinities, id)
                                 : nullptr;
        const auto obeyed = !plugged || actual == nullptr || same_mask(*actual, wanted, scope_);
        if (!pinned || !obeyed) {
            actions_.emplace_back(PinVcpu{.vcpu = id, .cpus = wanted});
        }
    }

    void emulator(const CpuSet& wanted)
    {
        const auto* own = pins_.emulator ? &*pins_.emulator : nullptr;
        if (!same_mask(effective(own, pins_, input_.online), wanted, scope_)) {
            actions_.emplace_back(PinEmulator{.cpus = wanted});
        }
    }

    void iothread(IothreadId id, const CpuSet& wanted)
    {
        const auto* own = find_pin(pins_.iothreads, id);
        if (!same_mask(effective(own, pins_, input_.online), wanted, scope_)) {
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

    // After the pins, so that a vCPU is born where it belongs. QEMU copies the caches for it, too,
    // on the CPUs its emulator is on: where those are unlike, it goes back to where it started.
    void hotplug(const DomainPlan& plan)
    {
        if (!input_.abilities.hotplug_vcpus) {
            return;
        }
        const auto moves = plan.start_emulator && !plan.plug.empty();
        if (moves) {
            actions_.emplace_back(PinEmulator{.cpus = *plan.start_emulator});
        }
        for (const auto vcpu : plan.plug) {
            actions_.emplace_back(PlugVcpu{.vcpu = vcpu});
        }
        if (moves) {
            actions_.emplace_back(PinEmulator{.cpus = plan.emulator});
        }
        for (const auto vcpu : plan.unplug) {
            actions_.emplace_back(UnplugVcpu{.vcpu = vcpu});
        }
    }

    [[nodiscard]] std::vector<LiveAction> take() { return std::move(actions_); }

private:
    const DiffInput& input_;
    const CpuSet scope_;
    const PinSet& pins_;
    std::vector<LiveAction> actions_;
};

// The plan's vCPU pins by the numbers of the definition, which are others than those of the running
// domain while a change waits for its next start: as many CPUs in the same order, and those that
// have none may use all of them.
std::map<VcpuId, CpuSet> definition_pins(const ObservedDomain& seen, const DomainPlan& plan)
{
    const auto vcpus_max =
        seen.defined_cpus() ? seen.defined_cpus()->vcpus_max : seen.facts.vcpus_max;
    std::map<VcpuId, CpuSet> pins;
    const auto online = (seen.facts.vcpus_online | plan.plug) - plan.unplug;
    const auto& boot = seen.boot_vcpus();
    // Which vCPUs float is said by their numbers.
    if (boot.includes(online) || online.includes(boot) || !plan.floating.empty()) {
        for (const auto& [vcpu, cpus] : plan.vcpus) {
            if (raw(vcpu) < vcpus_max) {
                pins.emplace(vcpu, cpus);
            }
        }
        return pins;
    }
    CpuSet all;
    for (const auto vcpu : online) {
        all |= plan.vcpus.at(vcpu);
    }
    auto next = online.begin();
    for (const auto vcpu : boot) {
        pins.emplace(vcpu, next != online.end() ? plan.vcpus.at(*next++) : all);
    }
    return pins;
}

// Members of `wanted` that `now` does not have.
DefinitionChange definition_diff(const PinSet& now, const PinSet& wanted)
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
    return change;
}

// `pins` with those of `more` over them.
PinSet merged(PinSet pins, const PinSet& more)
{
    for (const auto& [vcpu, cpus] : more.vcpus) {
        pins.vcpus[vcpu] = cpus;
    }
    for (const auto& [iothread, cpus] : more.iothreads) {
        pins.iothreads[iothread] = cpus;
    }
    pins.emulator = more.emulator ? more.emulator : pins.emulator;
    pins.numatune = more.numatune ? more.numatune : pins.numatune;
    pins.vcpu_cpuset = more.vcpu_cpuset ? more.vcpu_cpuset : pins.vcpu_cpuset;
    return pins;
}

// The plan binds the cells that the running guest has; the definition may have others by now, or
// get those back that it had before, which are bound when they are there.
void drop_unknown_cells(const ObservedDomain& seen, const GuestTuning& tuning,
                        std::optional<NumaTune>& numatune)
{
    if (!seen.defined_cpus() || !numatune) {
        return;
    }
    const auto others = has_part(tuning.revert, DefinitionPart::cpu_numa);
    std::erase_if(numatune->cells, [&](const auto& bound) {
        return others ||
               std::none_of(seen.defined_cpus()->cells.begin(), seen.defined_cpus()->cells.end(),
                            [&bound](const GuestCell& cell) { return cell.id == bound.first; });
    });
    if (numatune->nodes.empty() && numatune->cells.empty()) {
        numatune.reset();
    }
}

DefinitionChange definition_change(const DiffInput& input, const DomainPlan& plan)
{
    const auto& tuning = plan.tuning;
    PinSet wanted;
    wanted.emulator = plan.start_emulator.value_or(plan.emulator);
    wanted.iothreads = plan.iothreads;
    // libvirt refuses a pin of one that the definition does not have (plugged live only).
    const auto& boot = input.seen.boot_iothreads();
    std::erase_if(wanted.iothreads, [&boot](const auto& pin) {
        return std::find(boot.begin(), boot.end(), pin.first) == boot.end();
    });
    // Where the numbering itself goes back, the pins follow when it is there.
    const auto renumbered = changes_numbering(tuning.revert);
    if (!tuning.cpus && !renumbered) {
        wanted.vcpus = definition_pins(input.seen, plan);
    }
    if (!tuning.cpus || !tuning.cpus->numatune) {
        wanted.numatune = plan.numatune;
        drop_unknown_cells(input.seen, tuning, wanted.numatune);
    }
    const auto& now = input.seen.definition->pins;
    if (!tuning.revert.empty() && input.before != nullptr) {
        // As it was before, and from there as it should be: pins by other numbers must go.
        const auto undo = make_undo(*input.before, parts_of(input.seen));
        auto pins = with_pin_parts(now, undo.revert, input.before->config.value_or(PinSet{}));
        return {.mode = DefinitionChange::Mode::replace,
                .pins = merged(std::move(pins), wanted),
                .tuning = tuning};
    }
    auto change = definition_diff(now, wanted);
    if (input.seen.defined_cpus() && !is_tuned(*input.seen.defined_cpus(), now, tuning)) {
        change.tuning = tuning;
    }
    return change;
}

} // namespace

DomainActions blank_actions(const ObservedDomain& seen)
{
    DomainActions actions;
    actions.uuid = seen.facts.uuid;
    actions.name = seen.facts.name;
    actions.id = seen.facts.id;
    actions.state = seen.facts.state;
    actions.persistent = seen.facts.persistent;
    return actions;
}

DomainActions diff(const DiffInput& input, const DomainPlan& plan)
{
    auto actions = blank_actions(input.seen);
    if (input.seen.running && input.live == DiffInput::Live::now) {
        LiveDiff live{input, input.online};
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
        live.hotplug(plan);
        actions.live = live.take();
    }
    if (input.seen.definition) {
        auto change = definition_change(input, plan);
        if (!change.empty()) {
            actions.definition = std::move(change);
            actions.definition->planned_on = parts_of(input.seen);
        }
    }
    return actions;
}

DomainActions diff_restore(const DiffInput& input, const CpuSet& usable, std::string_view boot_id)
{
    const auto& before = *input.before;
    auto actions = blank_actions(input.seen);
    // Without a definition, nothing is known of another run, and nothing in it is ours.
    const auto target = before.pins_for(input.seen.facts.id, boot_id);
    if (input.seen.running && input.live == DiffInput::Live::now && target) {
        const auto was = [&](const CpuSet* own) {
            const auto cpus = effective(own, *target, input.online);
            return cpus.intersects(usable) ? cpus & usable : usable;
        };
        LiveDiff live{input, usable};
        for (std::uint32_t i = 0; i < input.seen.facts.vcpus_max; ++i) {
            live.vcpu(VcpuId{i}, was(find_pin(target->vcpus, VcpuId{i})));
        }
        live.emulator(was(target->emulator ? &*target->emulator : nullptr));
        for (const auto id : input.seen.facts.iothreads) {
            live.iothread(id, was(find_pin(target->iothreads, id)));
        }
        if (target->numatune) {
            live.numa(*target->numatune);
        } else if (input.seen.running->pins.numatune && !input.memory_nodes.empty()) {
            // libvirt cannot unbind memory; bound to all nodes, it may be anywhere.
            live.numa({.mode = NumaMode::restrictive, .nodes = input.memory_nodes, .cells = {}});
        }
        actions.live = live.take();
    }
    if (input.seen.definition && before.config) {
        auto undo = make_undo(before, parts_of(input.seen));
        if (!undo.revert.empty()) {
            actions.definition = DefinitionChange{
                .mode = DefinitionChange::Mode::replace,
                .pins = with_pin_parts(input.seen.definition->pins, undo.revert, *before.config)};
            actions.definition->tuning.revert = std::move(undo.revert);
            actions.definition->planned_on = parts_of(input.seen);
        }
        actions.not_reverted = std::move(undo.not_reverted);
    }
    remove_notes(actions, input.seen, input.live == DiffInput::Live::now);
    return actions;
}

DomainActions diff_dead_pins(const DiffInput& input, const CpuSet& known, const CpuSet& usable)
{
    auto actions = blank_actions(input.seen);
    if (!input.seen.definition || usable.empty()) {
        return actions;
    }
    const auto& now = input.seen.definition->pins;
    DefinitionChange change;
    const auto mended = [&](const CpuSet* own) -> std::optional<CpuSet> {
        const auto cpus = effective(own, now, known);
        if (known.includes(cpus)) {
            return std::nullopt;
        }
        return cpus.intersects(usable) ? cpus & usable : usable;
    };
    const auto vcpus_max = input.seen.defined_cpus() ? input.seen.defined_cpus()->vcpus_max
                                                     : input.seen.facts.vcpus_max;
    for (std::uint32_t i = 0; i < vcpus_max; ++i) {
        if (auto cpus = mended(find_pin(now.vcpus, VcpuId{i}))) {
            change.pins.vcpus.emplace(VcpuId{i}, std::move(*cpus));
        }
    }
    change.pins.emulator = mended(now.emulator ? &*now.emulator : nullptr);
    for (const auto id : input.seen.boot_iothreads()) {
        if (auto cpus = mended(find_pin(now.iothreads, id))) {
            change.pins.iothreads.emplace(id, std::move(*cpus));
        }
    }
    if (!change.empty()) {
        change.planned_on = parts_of(input.seen);
        actions.definition = std::move(change);
    }
    return actions;
}

} // namespace virtpind
