// SPDX-License-Identifier: LGPL-2.1-or-later
#include "plan_tuning.hpp"

#include <algorithm>
#include <utility>

namespace virtpind {

void tune_plan(DomainPlan& plan, const Topology& topology, const Intent& intent,
               const ObservedDomain& seen, const TuningAbilities& abilities,
               const BeforeImage* before)
{
    if (!seen.cpus || intent.stance != Stance::managed) {
        return;
    }
    const auto room = before != nullptr ? before->vcpus_max : std::nullopt;
    auto decision = make_guest_tuning({.topology = topology,
                                       .intent = intent,
                                       .plan = plan,
                                       .now = *seen.cpus,
                                       .abilities = abilities,
                                       .vcpus_room = room.value_or(seen.cpus->vcpus_max),
                                       .before = before});
    plan.reasons.insert(plan.reasons.end(), decision.reasons.begin(), decision.reasons.end());
    plan.tuning = std::move(decision.tuning);
    if (!plan.tuning.cpus || plan.tuning.cpus->topology != intent.topology) {
        return;
    }
    const auto& pins = plan.tuning.cpus->pins;
    const auto same_vcpus = pins.size() == intent.vcpus_online.size() &&
                            std::all_of(pins.begin(), pins.end(), [&intent](const auto& pin) {
                                return intent.vcpus_online.contains(pin.first);
                            });
    if (same_vcpus) {
        for (const auto& [vcpu, cpus] : pins) {
            plan.vcpus[vcpu] = cpus;
        }
    }
}

} // namespace virtpind
