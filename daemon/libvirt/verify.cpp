// SPDX-License-Identifier: LGPL-2.1-or-later
#include "verify.hpp"

#include "common/base/printable.hpp"
#include "common/model/undo_merge.hpp"

#include <algorithm>
#include <map>
#include <optional>

namespace virtpind {

namespace {

template <class Id>
std::optional<CpuSet> find_pin(const std::map<Id, CpuSet>& pins, Id id)
{
    const auto at = pins.find(id);
    return at != pins.end() ? std::optional{at->second} : std::nullopt;
}

std::string where(const std::optional<CpuSet>& cpus)
{
    return cpus ? cpus->str() : "no pin of its own";
}

// Gathers sentences like "vCPU 3 of web1 is on 0-1 instead of 6".
class Comparison {
public:
    explicit Comparison(std::string of) : of_{std::move(of)} {}

    void compare(const std::string& what, const std::optional<CpuSet>& actual,
                 const std::optional<CpuSet>& wanted)
    {
        if (actual != wanted) {
            sentences_.push_back(what + " of " + of_ + " is on " + where(actual) + " instead of " +
                                 where(wanted));
        }
    }

    void say(const std::string& what) { sentences_.push_back(of_ + " " + what); }

    void compare_numa(const std::optional<NumaTune>& actual, const std::optional<NumaTune>& wanted)
    {
        const auto text = [](const std::optional<NumaTune>& tune) {
            return tune ? "node " + tune->nodes.str() + " (" + std::string{to_string(tune->mode)} +
                              ")"
                        : std::string{"no node in particular"};
        };
        if (actual != wanted) {
            sentences_.push_back("the memory of " + of_ + " is on " + text(actual) +
                                 " instead of " + text(wanted));
        }
    }

    [[nodiscard]] std::vector<std::string> take() && { return std::move(sentences_); }

private:
    std::string of_;
    std::vector<std::string> sentences_;
};

std::string vcpu_word(VcpuId vcpu)
{
    return "vCPU " + std::to_string(raw(vcpu));
}

std::string iothread_word(IothreadId iothread)
{
    return "I/O thread " + std::to_string(raw(iothread));
}

void compare_live(Comparison& comparison, const LiveAction& action, const ObservedDomain& after)
{
    const auto running = after.running.value_or(RunningDomain{});
    const auto& live = running.pins;
    if (const auto* vcpu = std::get_if<PinVcpu>(&action)) {
        const auto online = after.facts.vcpus_online.contains(vcpu->vcpu);
        comparison.compare(
            vcpu_word(vcpu->vcpu),
            find_pin(running.affinities && online ? *running.affinities : live.vcpus, vcpu->vcpu),
            vcpu->cpus);
    } else if (const auto* emulator = std::get_if<PinEmulator>(&action)) {
        comparison.compare("the emulator", live.emulator, emulator->cpus);
    } else if (const auto* iothread = std::get_if<PinIothread>(&action)) {
        comparison.compare(iothread_word(iothread->iothread),
                           find_pin(live.iothreads, iothread->iothread), iothread->cpus);
    } else if (const auto* plug = std::get_if<PlugVcpu>(&action)) {
        if (!after.facts.vcpus_online.contains(plug->vcpu)) {
            comparison.say("has no " + vcpu_word(plug->vcpu) + " although it was plugged");
        }
    } else if (const auto* numa = std::get_if<SetNuma>(&action)) {
        auto wanted = numa->numatune;
        wanted.cells = live.numatune ? live.numatune->cells : wanted.cells; // never changed live
        comparison.compare_numa(live.numatune, wanted);
    }
}

void compare_definition(Comparison& comparison, const DefinitionChange& change,
                        const ObservedDomain& after)
{
    const auto& config = after.definition->pins;
    if (change.note == DefinitionChange::Note::remove && after.definition_note()) {
        comparison.say("still has in its metadata how it was before");
    }
    auto tuning = change.tuning;
    tuning.revert.clear();
    if (after.defined_cpus() && !is_tuned(*after.defined_cpus(), config, tuning)) {
        comparison.say("is not tuned as it was written; somebody else may have changed it");
    }
    const auto replaced = change.mode == DefinitionChange::Mode::replace;
    const auto wanted = tuned_pins(change.pins, tuning); // by the numbers that they have then
    for (const auto& [vcpu, cpus] : wanted.vcpus) {
        comparison.compare(vcpu_word(vcpu), find_pin(config.vcpus, vcpu), cpus);
    }
    for (const auto& [iothread, cpus] : wanted.iothreads) {
        comparison.compare(iothread_word(iothread), find_pin(config.iothreads, iothread), cpus);
    }
    if (wanted.emulator || replaced) {
        comparison.compare("the emulator", config.emulator, wanted.emulator);
    }
    if (wanted.numatune || replaced) {
        comparison.compare_numa(config.numatune, wanted.numatune);
    }
    if (wanted.vcpu_cpuset || replaced) {
        comparison.compare("<vcpu cpuset>", config.vcpu_cpuset, wanted.vcpu_cpuset);
    }
    if (!replaced) {
        return;
    }
    for (const auto& [vcpu, cpus] : config.vcpus) {
        if (!wanted.vcpus.contains(vcpu)) {
            comparison.compare(vcpu_word(vcpu), cpus, std::nullopt);
        }
    }
    for (const auto& [iothread, cpus] : config.iothreads) {
        if (!wanted.iothreads.contains(iothread)) {
            comparison.compare(iothread_word(iothread), cpus, std::nullopt);
        }
    }
}

bool says(const std::optional<UndoNote>& note, const UndoNote& wanted)
{
    return wanted.empty() ? !note : covers(note, wanted);
}

} // namespace

std::vector<std::string> live_differences(const DomainActions& actions, const ObservedDomain& after)
{
    Comparison running{printable(actions.name)};
    // The emulator may have been elsewhere while vCPUs were plugged; the last word counts.
    const auto is_emulator = [](const LiveAction& action) {
        return std::holds_alternative<PinEmulator>(action);
    };
    const auto last = std::find_if(actions.live.rbegin(), actions.live.rend(), is_emulator);
    for (const auto& action : actions.live) {
        if (!is_emulator(action) || &action == &*last) {
            compare_live(running, action, after);
        }
    }
    if (actions.live_note && !actions.live_note->empty() && after.running &&
        !says(after.running_note(), *actions.live_note)) {
        running.say("has not in its metadata how it was before, as it was written there");
    }
    return std::move(running).take();
}

std::vector<std::string> definition_differences(const DomainActions& actions,
                                                const ObservedDomain& after)
{
    Comparison defined{"the definition of " + printable(actions.name)};
    if (actions.definition && after.definition) {
        compare_definition(defined, *actions.definition, after);
    }
    return std::move(defined).take();
}

} // namespace virtpind
