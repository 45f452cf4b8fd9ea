// SPDX-License-Identifier: LGPL-2.1-or-later
#include "plan_tuning.hpp"

#include "common/model/part_table.hpp"

#include <algorithm>
#include <utility>

namespace virtpind {

namespace {

// How many vCPUs the definition had before its number was ours; it keeps headroom for them.
std::uint32_t vcpu_headroom(const CpuDefinition& now, const BeforeImage* before)
{
    return before != nullptr && before->is_ours(now.parts, name_of(DefinitionPart::vcpu))
               ? before->vcpus_max.value_or(now.vcpus_max)
               : now.vcpus_max;
}

// Whether a vCPU that the plan leaves where it runs would run elsewhere with `pins`.
bool moves_one_that_stays(const std::map<VcpuId, CpuSet>& pins, const DomainPlan& plan,
                          const ObservedDomain& seen)
{
    if (!seen.running) {
        return false;
    }
    return std::any_of(pins.begin(), pins.end(), [&](const auto& pin) {
        const auto runs = seen.running->pins.vcpus.find(pin.first);
        return seen.facts.vcpus_online.contains(pin.first) &&
               runs != seen.running->pins.vcpus.end() && runs->second == plan.vcpus.at(pin.first) &&
               runs->second != pin.second;
    });
}

// Nobody reads the caches at the start of a guest that is not shown them.
void drop_useless_start_pin(DomainPlan& plan, bool shows_host_caches)
{
    if (!shows_host_caches) {
        plan.start_emulator.reset();
        std::erase_if(plan.reasons, [](const Reason& reason) {
            return reason.code == ReasonCode::emulator_start_pin;
        });
    }
}

// The cores of the former shape: a guest that is off never has them again.
void drop_former_cores(DomainPlan& plan)
{
    std::erase_if(plan.reasons,
                  [](const Reason& reason) { return reason.code == ReasonCode::siblings_broken; });
}

} // namespace

void tune_plan(DomainPlan& plan, const Topology& topology, const Intent& intent,
               const ObservedDomain& seen, const TuningAbilities& abilities,
               const BeforeImage* before)
{
    if (!seen.defined_cpus() || intent.stance != Stance::managed) {
        return;
    }
    auto decision = make_guest_tuning({.topology = topology,
                                       .intent = intent,
                                       .plan = plan,
                                       .now = *seen.defined_cpus(),
                                       .abilities = abilities,
                                       .vcpu_headroom = vcpu_headroom(*seen.defined_cpus(), before),
                                       .before = before});
    plan.reasons.insert(plan.reasons.end(), decision.reasons.begin(), decision.reasons.end());
    plan.tuning = std::move(decision.tuning);
    drop_useless_start_pin(plan, decision.shows_host_caches);
    if (plan.tuning.cpus && !seen.facts.active()) {
        plan.at_start = plan.tuning.cpus->pins;
        if (plan.tuning.cpus->topology != intent.topology) {
            drop_former_cores(plan);
        }
    }
    if (!plan.tuning.cpus || plan.tuning.cpus->topology != intent.topology) {
        return;
    }
    const auto& pins = plan.tuning.cpus->pins;
    const auto same_vcpus = pins.size() == intent.vcpus_online.size() &&
                            std::all_of(pins.begin(), pins.end(), [&intent](const auto& pin) {
                                return intent.vcpus_online.contains(pin.first);
                            });
    if (same_vcpus && !moves_one_that_stays(pins, plan, seen)) {
        for (const auto& [vcpu, cpus] : pins) {
            plan.vcpus[vcpu] = cpus;
        }
    }
}

} // namespace virtpind
