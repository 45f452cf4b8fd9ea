// SPDX-License-Identifier: LGPL-2.1-or-later
#include "step_intake.hpp"

#include "displacement.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace virtpind {

namespace {

const Reason* find_tidied(const DomainPlan& plan)
{
    const auto at =
        std::find_if(plan.reasons.begin(), plan.reasons.end(),
                     [](const Reason& reason) { return reason.code == ReasonCode::tidied; });
    return at != plan.reasons.end() ? &*at : nullptr;
}

// The plans that follow keep the domain where it was moved to, and tell why it is there.
void keep_telling_why(DomainRecord& record)
{
    const auto& id = record.seen.facts.id;
    if (const auto* why = record.plan ? find_tidied(*record.plan) : nullptr) {
        record.tidied = TidiedPlace{.why = *why, .id = id, .vcpus = record.plan->vcpus};
        return;
    }
    const auto stays = record.tidied && record.plan && record.tidied->id == id &&
                       record.tidied->vcpus == record.plan->vcpus;
    if (stays) {
        record.plan->reasons.push_back(record.tidied->why);
    } else {
        record.tidied.reset();
    }
}

} // namespace

void adopt_steps(Records& records, PassPlan& planned)
{
    const auto displaced = find_displaced(records, planned.plan); // by the plans up to now
    for (auto& step : planned.steps) {
        auto& record = records.at(step.decision.intent.uuid);
        const auto is_new = record.decision.intent.uuid.str().empty();
        if (planned.broken.empty() || is_new) {
            record.decision = std::move(step.decision);
            record.plan = std::move(step.plan);
            keep_telling_why(record);
        }
    }
    if (planned.broken.empty()) {
        note_displaced(records, displaced);
    }
}

DueDomains take_due(Records& records, PassPlan& planned)
{
    DueDomains due;
    auto step = planned.steps.begin();
    for (auto& [uuid, record] : records) {
        auto& [decision, plan, turn, actions, not_kept] = *step++;
        record.deferred = record.deferred_id.has_value(); // which may change during the pass
        if (turn == DomainStep::Turn::job_active) {
            record.retry_now(); // an event tells when the job has ended
            if (record.placed_id != record.seen.facts.id) {
                record.state = PinState::idle;
            }
        }
        if (turn != DomainStep::Turn::now) {
            continue;
        }
        record.not_kept = std::move(not_kept);
        if (actions) {
            due.actions.push_back(std::move(*actions));
        } else {
            record.conflicts_in_a_row = 0;
            record.busy.clear();
            due.unchanged.push_back(&record);
        }
    }
    return due;
}

bool complete_actions(DomainActions& actions, DomainRecord& record, const PlanningInput& input)
{
    const Attempt attempt{input.watch, actions.uuid};
    try {
        if (!record.decision.restore) {
            actions.before = record.before;
            input.steps.add_notes(actions, record.seen, *record.before, input.boot_id);
        }
        record.state = PinState::applying;
        return true;
    } catch (const std::exception& error) {
        set_apart(record.decision, error.what());
        record.plan.reset();
        return false;
    }
}

} // namespace virtpind
