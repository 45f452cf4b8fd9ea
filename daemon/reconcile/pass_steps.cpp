// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pass_steps.hpp"

#include "common/model/parts.hpp"
#include "common/model/undo_merge.hpp"
#include "daemon/planner/diff.hpp"
#include "daemon/planner/plan_check.hpp"
#include "daemon/planner/plan_tuning.hpp"
#include "daemon/planner/planner.hpp"
#include "daemon/planner/validate.hpp"

#include <algorithm>
#include <exception>
#include <optional>
#include <string_view>
#include <utility>

namespace virtpind {

namespace {

// Remembers whose turn it is, for an exception, and tells it on.
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

    // What comes next is nobody's turn.
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

PlanRequest request_for(const PlanningInput& input)
{
    PlanRequest request;
    request.topology = &input.topology;
    request.housekeeping = usable_housekeeping(input.config, input.topology).cpus;
    return request;
}

// Whether one domain's policy makes sense on this host: CPUs that exist, guest cells that add up.
Result<void> validate_intent(const PlanningInput& input, const Intent& intent, Names names)
{
    if (const auto fault = find_fault(input.topology, intent, names)) {
        return Error{.code = Errc::invalid_policy, .message = fault->field + ": " + fault->what};
    }
    return {};
}

const BeforeImage* before_of(const DomainRecord& record)
{
    return record.before ? &*record.before : nullptr;
}

// The plan of all intents, and the tuning of each domain's definition.
Plan plan_and_tune(const PlanningInput& input, const PlanRequest& request)
{
    auto plan = make_plan(request);
    for (std::size_t i = 0; i < plan.domains.size(); ++i) {
        if (request.watch != nullptr) {
            request.watch->at(plan.domains[i].uuid);
        }
        const auto& record = input.records.at(plan.domains[i].uuid);
        tune_plan(plan.domains[i], input.topology, request.intents[i], record.seen,
                  input.abilities.tuning, before_of(record));
    }
    return plan;
}

// Every vCPU that its definition starts with is pinned there as virtpind wrote it last.
bool has_our_pins(const DomainRecord& record)
{
    const auto& seen = record.seen;
    if (!record.before || !seen.config) {
        return false;
    }
    PinSet pins;
    pins.vcpus = seen.config->vcpus;
    const auto all_there = std::all_of(seen.facts.vcpus_boot.begin(), seen.facts.vcpus_boot.end(),
                                       [&pins](VcpuId vcpu) { return pins.vcpus.contains(vcpu); });
    const auto parts = pin_parts(pins);
    return all_there && std::all_of(parts.begin(), parts.end(), [&](const auto& part) {
               return record.before->is_ours(parts, part.first);
           });
}

DomainHistory memory_of(const DomainRecord& record, std::string_view boot_id)
{
    DomainHistory memory{.runtime_policy = record.runtime_policy,
                         .hold_reason = std::nullopt,
                         .touched = record.before.has_value(),
                         .before = {},
                         .placed_id = record.placed_id,
                         .placed_policy = record.placed_policy,
                         .kept_plugged = record.kept_plugged};
    if (record.before) {
        memory.before = record.before->pins_for(record.seen.facts.id, boot_id).value_or(PinSet{});
    }
    memory.settled = has_our_pins(record);
    if (!record.holds.empty()) {
        memory.hold_reason = record.holds.begin()->second.reason;
    }
    return memory;
}

DiffInput diff_input(const PlanningInput& input, const DomainRecord& record, LivePart live)
{
    return {.seen = record.seen,
            .online = input.topology.online_cpus(),
            .abilities = input.abilities,
            .before = before_of(record),
            .live = live == LivePart::deferred ? DiffInput::Live::deferred : DiffInput::Live::now,
            .memory_nodes = input.topology.memory_nodes()};
}

} // namespace

Housekeeping usable_housekeeping(const Config& config, const Topology& topology)
{
    if (!config.housekeeping || config.housekeeping->empty()) {
        return {.cpus = config.housekeeping, .problem = {}};
    }
    const auto& wanted = *config.housekeeping;
    const auto usable = topology.usable_cpus();
    const auto unknown = wanted - topology.all_cpus();
    Housekeeping kept{.cpus = wanted & usable, .problem = {}};
    const auto instead = [&kept](const std::string& why) {
        kept.cpus.reset();
        kept.problem += why + ", so auto is used instead; ";
    };
    const auto named = "housekeeping (" + wanted.str() + ") in the configuration ";
    if (!unknown.empty()) {
        kept.problem = named + "names CPUs " + unknown.str() + ", and the host has " +
                       topology.all_cpus().str() + "; ";
    }
    if (kept.cpus->empty()) {
        instead((unknown.empty() ? named : "it ") + "names no CPU that is online and may be used");
    } else if (kept.cpus->includes(usable)) {
        instead((unknown.empty() ? named : "it ") + "leaves no CPU to domains");
    }
    if (!kept.problem.empty()) {
        kept.problem += "correct it and call Reload";
    }
    return kept;
}

std::vector<Decision> decide(const PlanningInput& input)
{
    std::vector<ObservedDomain> domains;
    Memories memories;
    for (const auto& [uuid, record] : input.records) {
        domains.push_back(record.seen);
        memories.emplace(uuid, memory_of(record, input.boot_id));
    }
    auto decisions = decide_intents({.config = input.config,
                                     .topology = input.topology,
                                     .domains = domains,
                                     .memories = memories,
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

namespace {

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

} // namespace

CheckedPlan plan_for(const PlanningInput& input, std::vector<Decision>& decisions)
{
    for (unsigned turn = 1;; ++turn) {
        Suspect suspect{input.watch};
        auto request = request_for(input);
        request.watch = &suspect;
        for (const auto& decision : decisions) {
            request.intents.push_back(decision.intent);
        }
        try {
            CheckedPlan checked{.plan = plan_and_tune(input, request), .broken = {}};
            suspect.forget();
            const auto rules = find_broken_rules(request, checked.plan);
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

namespace {

// Of a domain that somebody gave to us, by a policy that cannot be read or planned. Where virtpind
// itself went wrong, nothing is touched.
bool may_be_mended(const DomainRecord& record)
{
    const auto& decision = record.decision;
    const auto given = record.before || record.runtime_policy || record.seen.facts.metadata.content;
    return decision.stance == Stance::broken && given && decision.unreadable &&
           decision.unreadable->code != Errc::internal;
}

} // namespace

std::optional<DomainActions> actions_for(const PlanningInput& input, const DomainRecord& record,
                                         LivePart live)
{
    const auto diffed = diff_input(input, record, live);
    if (record.decision.restore && record.before) {
        auto actions = diff_restore(diffed, input.topology.usable_cpus(), input.boot_id);
        actions.last_write = record.last_write;
        return actions;
    }
    const auto mending = may_be_mended(record);
    if (!mending && (record.decision.stance != Stance::managed || !record.plan ||
                     record.plan->placement == Placement::none)) {
        return std::nullopt;
    }
    auto actions =
        mending ? diff_dead_pins(diffed, input.topology.all_cpus(), input.topology.usable_cpus())
                : diff(diffed, *record.plan);
    if (record.before && !(mending && actions.empty())) {
        add_notes(actions, record.seen, *record.before, input.boot_id);
    }
    actions.last_write = record.last_write;
    // As after a start from a saved state, which has the metadata of then.
    const auto& stored = record.seen.facts.metadata.content;
    if (record.seen.live && record.seen.config && stored && *stored &&
        record.seen.shown_policy != **stored) {
        actions.show_live_policy = **stored;
    }
    return actions;
}

bool is_idle(const DomainRecord& record, const DomainActions& actions)
{
    return record.idle && actions.definition &&
           record.idle->change.asks_for_same(*actions.definition) &&
           record.idle->parts == parts_of(record.seen) &&
           record.idle->config_note == record.seen.config_note;
}

namespace {

// As if it had `policy`.
Intent intent_with(const PlanningInput& input, const DomainRecord& record, const Policy& policy)
{
    auto intent = make_intent(record.seen, policy, input.topology, record.kept_plugged);
    const auto stays = record.decision.intent.activity == Activity::running &&
                       record.placed_policy && same_placement(*record.placed_policy, policy);
    intent.activity = stays ? Activity::running : Activity::arriving;
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
    auto request = request_for(input);
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
        trial.definition = diff(diff_input(input, record, LivePart::now), *planned).definition;
    }
    return trial;
}

} // namespace virtpind
