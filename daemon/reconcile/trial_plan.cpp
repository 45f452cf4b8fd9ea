// SPDX-License-Identifier: LGPL-2.1-or-later
#include "trial_plan.hpp"

#include <utility>

namespace virtpind {

namespace {

// The intent of the domain as if it had `policy`.
Intent intent_with(const PlanningInput& input, const DomainRecord& record, const Policy& policy)
{
    auto intent = make_intent(record.seen, policy, input.topology, record.kept_plugged);
    const auto stays = record.decision.intent.activity == Activity::running &&
                       record.placed_policy && same_placement(*record.placed_policy, policy);
    intent.activity = stays ? Activity::running : Activity::arriving;
    intent.has_our_pins = record.decision.intent.has_our_pins &&
                          same_placement(record.decision.policy.policy, policy);
    return intent;
}

} // namespace

Result<void> check_policy(const PlanningInput& input, const DomainUuid& uuid, const Policy& policy)
{
    return validate_intent(input, intent_with(input, input.records.at(uuid), policy),
                           Names::of_this_host);
}

Result<TrialPlan> try_policy(const PlanningInput& input, const DomainUuid& uuid,
                             const Policy& policy)
{
    auto request = host_request(input);
    for (const auto& [other, record] : input.records) {
        auto intent = record.decision.intent;
        if (other == uuid) {
            intent = intent_with(input, record, policy);
            if (auto valid = validate_intent(input, intent, Names::of_this_host); !valid) {
                return std::move(valid).error();
            }
        }
        request.intents.push_back(std::move(intent));
    }
    TrialPlan trial{.plan = plan_and_tune(input, request), .definition = std::nullopt};
    const auto& record = input.records.at(uuid);
    const auto* started = trial.plan.find(uuid);
    if (!record.seen.facts.active() && started != nullptr && !started->satisfied) {
        // It has no place as one that starts now, but has as one that is off.
        for (auto& intent : request.intents) {
            intent.activity = intent.uuid == uuid ? Activity::dormant : intent.activity;
        }
        trial.plan = plan_and_tune(input, request);
    }
    if (const auto* planned = trial.plan.find(uuid);
        planned != nullptr && planned->placement != Placement::none) {
        trial.definition =
            input.steps.diff(diff_input(input, record, DiffInput::Live::now), *planned).definition;
    }
    return trial;
}

Result<TrialPlan> try_guest(const PlanningInput& input, const ObservedDomain& guest,
                            const Policy& policy)
{
    auto intent = make_intent(guest, policy, input.topology, {});
    if (policy.placement == Placement::none) {
        intent.stance = Stance::hands_off;
    }
    intent.activity = Activity::arriving;
    if (auto valid = validate_intent(input, intent, Names::of_this_host); !valid) {
        return std::move(valid).error();
    }
    auto request = host_request(input);
    for (const auto& [uuid, record] : input.records) {
        if (uuid != guest.facts.uuid) {
            request.intents.push_back(record.decision.intent);
        }
    }
    request.intents.push_back(std::move(intent));
    TrialPlan trial{.plan = plan_and_tune(input, request, &guest), .definition = std::nullopt};
    if (const auto* planned = trial.plan.find(guest.facts.uuid);
        planned != nullptr && planned->placement != Placement::none) {
        trial.definition = input.steps
                               .diff({.seen = guest,
                                      .online = input.topology.online_cpus(),
                                      .abilities = input.abilities,
                                      .memory_nodes = input.topology.memory_nodes()},
                                     *planned)
                               .definition;
    }
    return trial;
}

} // namespace virtpind
