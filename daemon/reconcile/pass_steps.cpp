// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pass_steps.hpp"

#include "common/model/parts.hpp"

#include <algorithm>
#include <exception>
#include <optional>
#include <string_view>
#include <utility>

namespace virtpind {

namespace {

// Remembers at which domain the planner is, for an exception, and passes it on.
class Suspect final : public DomainWatch {
public:
    explicit Suspect(DomainWatch* next) : next_{next} {}

    ~Suspect() override { done(); }

    Suspect(const Suspect&) = delete;
    Suspect& operator=(const Suspect&) = delete;

    void at(const DomainUuid& domain) override
    {
        last_ = domain;
        if (next_ != nullptr) {
            next_->at(domain);
        }
    }

    void done() override
    {
        if (next_ != nullptr) {
            next_->done();
        }
    }

    // What comes next is about no single domain.
    void forget()
    {
        last_ = {};
        done();
    }

    [[nodiscard]] const DomainUuid& last() const { return last_; }

private:
    DomainWatch* next_;
    DomainUuid last_;
};

// Every vCPU that its definition starts with is pinned there as virtpind wrote it last.
bool has_our_pins(const DomainRecord& record)
{
    const auto& seen = record.seen;
    if (!record.before || !seen.definition) {
        return false;
    }
    PinSet pins;
    pins.vcpus = seen.definition->pins.vcpus;
    const auto& boot = seen.boot_vcpus();
    const auto all_there = std::all_of(boot.begin(), boot.end(),
                                       [&pins](VcpuId vcpu) { return pins.vcpus.contains(vcpu); });
    const auto parts = pin_parts(pins);
    return all_there && std::all_of(parts.begin(), parts.end(), [&](const auto& part) {
               return record.before->is_ours(parts, part.first);
           });
}

DomainHistory history_of(const DomainRecord& record, std::string_view boot_id)
{
    DomainHistory history{.runtime_policy = record.runtime_policy,
                          .hold_reason = std::nullopt,
                          .touched = record.before.has_value(),
                          .before = {},
                          .placed_id = record.placed_id,
                          .placed_policy = record.placed_policy,
                          .kept_plugged = record.kept_plugged};
    if (record.before) {
        history.before = record.before->pins_for(record.seen.facts.id, boot_id).value_or(PinSet{});
    }
    history.has_our_pins = has_our_pins(record);
    if (!record.holds.empty()) {
        history.hold_reason = record.holds.begin()->second.reason;
    }
    return history;
}

// One decision per record, in their order. A domain whose policy makes no sense here is left alone
// and says so; the others are planned all the same.
std::vector<Decision> decide(const PlanningInput& input)
{
    std::vector<ObservedDomain> domains;
    Histories histories;
    for (const auto& [uuid, record] : input.records) {
        domains.push_back(record.seen);
        histories.emplace(uuid, history_of(record, input.boot_id));
    }
    auto decisions = decide_intents({.config = input.config,
                                     .topology = input.topology,
                                     .domains = domains,
                                     .histories = histories,
                                     .look = input.look,
                                     .watch = input.watch});
    for (auto& decision : decisions) {
        if (decision.stance != Stance::managed) {
            continue;
        }
        const Attempt attempt{input.watch, decision.intent.uuid};
        try {
            if (auto valid = validate_intent(input, decision.intent, Names::of_any_host); !valid) {
                mark_broken(decision, std::move(valid).error(), ReasonCode::policy_invalid);
            }
        } catch (const std::exception& error) {
            set_apart(decision, error.what());
        }
    }
    return decisions;
}

Decision* find_decision(std::vector<Decision>& decisions, const DomainUuid& uuid)
{
    const auto at = std::find_if(decisions.begin(), decisions.end(),
                                 [&uuid](const Decision& one) { return one.intent.uuid == uuid; });
    return at != decisions.end() ? &*at : nullptr;
}

// Whether one of them was planned, so that without it there is hope.
bool set_those_apart(const std::vector<BrokenRule>& rules, std::vector<Decision>& decisions)
{
    auto some = false;
    for (const auto& rule : rules) {
        auto* culprit = rule.domain ? find_decision(decisions, *rule.domain) : nullptr;
        if (culprit != nullptr && culprit->stance == Stance::managed) {
            set_apart(*culprit, "its plan breaks a rule: " + rule.text);
            some = true;
        }
    }
    return some;
}

struct CheckedPlan {
    Plan plan;
    std::vector<std::string> broken;
};

// Sets culprits apart in `decisions`, and plans again without them.
CheckedPlan plan_and_check(const PlanningInput& input, std::vector<Decision>& decisions)
{
    for (unsigned turn = 1;; ++turn) {
        Suspect suspect{input.watch};
        auto request = host_request(input);
        request.watch = &suspect;
        for (const auto& decision : decisions) {
            request.intents.push_back(decision.intent);
        }
        try {
            CheckedPlan checked{.plan = plan_and_tune(input, request), .broken = {}};
            suspect.forget();
            const auto rules = input.steps.find_broken_rules(request, checked.plan);
            if (turn == set_apart_turns_max || !set_those_apart(rules, decisions)) {
                for (const auto& rule : rules) {
                    checked.broken.push_back(rule.text);
                }
                return checked;
            }
        } catch (const std::exception& error) {
            auto* culprit = find_decision(decisions, suspect.last());
            if (turn == set_apart_turns_max || culprit == nullptr) {
                return {.plan = {},
                        .broken = {std::string{"planning went wrong: "} + error.what()}};
            }
            set_apart(*culprit, error.what());
        }
    }
}

// The domain was given to us by a policy that cannot be read or planned. Where virtpind itself went
// wrong, nothing is touched.
bool may_be_mended(const DomainRecord& record, const Decision& decision)
{
    const auto given = record.before || record.runtime_policy || record.seen.facts.metadata.content;
    return decision.stance == Stance::broken && given && decision.unreadable &&
           decision.unreadable->code != Errc::internal;
}

// The running domain's metadata is as of a start from a saved state, and its policy is of then.
std::optional<PolicySpec> policy_to_show(const ObservedDomain& seen)
{
    const auto& stored = seen.facts.metadata.content;
    const auto differs =
        seen.running && seen.definition && stored && *stored && seen.running->policy != **stored;
    return differs ? std::optional{**stored} : std::nullopt;
}

// What is to be changed for a domain as it was decided and planned; absent where it is left alone.
std::optional<DomainActions> actions_for(const PlanningInput& input, const DomainRecord& record,
                                         const DomainStep& step)
{
    const auto& topology = input.topology;
    const auto diffed = diff_input(
        input, record, record.deferred_id ? DiffInput::Live::deferred : DiffInput::Live::now);
    if (step.decision.restore && record.before) {
        auto actions = diff_restore(diffed, topology.usable_cpus(), input.boot_id);
        actions.last_write = record.last_write;
        return actions;
    }
    const auto mending = may_be_mended(record, step.decision);
    const auto placed = step.decision.stance == Stance::managed && step.plan &&
                        step.plan->placement != Placement::none;
    if (!mending && !placed) {
        return std::nullopt;
    }
    auto actions = mending ? diff_dead_pins(diffed, topology.all_cpus(), topology.usable_cpus())
                           : input.steps.diff(diffed, *step.plan);
    if (record.before && !(mending && actions.empty())) {
        input.steps.add_notes(actions, record.seen, *record.before, input.boot_id);
    }
    actions.last_write = record.last_write;
    actions.show_live_policy = policy_to_show(record.seen);
    return actions;
}

// Whether its definition already is what comes of the change in `actions`, as was found before.
bool is_idle(const DomainRecord& record, const DomainActions& actions)
{
    return record.idle && actions.definition &&
           record.idle->change.asks_for_same(*actions.definition) &&
           record.idle->parts == parts_of(record.seen) &&
           record.idle->config_note == record.seen.definition_note();
}

// A failed domain is tried again at its time, or when somebody asks; a domain that is left alone
// has nothing to wait for.
DomainStep::Turn turn_of(const DomainRecord& record, const Decision& decision,
                         const Schedule& schedule)
{
    if (record.seen.facts.job_active) {
        return DomainStep::Turn::job_active;
    }
    const auto unmanaged = decision.stance != Stance::managed && !decision.restore;
    const auto due = unmanaged || schedule.now >= record.retry_at ||
                     schedule.is_asked_for(record.seen.facts.uuid);
    return due ? DomainStep::Turn::now : DomainStep::Turn::later;
}

void add_actions(DomainStep& step, const PlanningInput& input, const DomainRecord& record)
{
    const Attempt attempt{input.watch, record.seen.facts.uuid};
    try {
        auto actions = actions_for(input, record, step);
        if (actions && !step.decision.restore && is_idle(record, *actions)) {
            step.not_kept = record.idle->not_kept;
            actions->definition.reset();
        }
        if (actions && !actions->empty()) {
            step.actions = std::move(actions);
        }
    } catch (const std::exception& error) {
        set_apart(step.decision, error.what());
        step.plan.reset();
    }
}

} // namespace

PassPlan plan_pass(const PlanningInput& input, const Schedule& schedule)
{
    auto decisions = decide(input);
    auto [plan, broken] = plan_and_check(input, decisions);
    PassPlan pass{.plan = std::move(plan), .steps = {}, .broken = std::move(broken)};
    for (auto& decision : decisions) {
        auto& step = pass.steps.emplace_back();
        step.decision = std::move(decision);
        if (!pass.broken.empty()) {
            continue;
        }
        const auto& uuid = step.decision.intent.uuid;
        const auto& record = input.records.at(uuid);
        if (const auto* planned = pass.plan.find(uuid)) {
            step.plan = *planned;
        }
        step.turn = turn_of(record, step.decision, schedule);
        if (step.turn == DomainStep::Turn::now) {
            add_actions(step, input, record);
        }
    }
    return pass;
}

} // namespace virtpind
