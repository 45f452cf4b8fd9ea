// SPDX-License-Identifier: LGPL-2.1-or-later
#include "isolation_steps.hpp"

#include "common/base/logging.hpp"
#include "common/base/printable.hpp"
#include "daemon/planner/diff.hpp"
#include "isolation_wish.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace virtpind {

namespace {

// The partitions that hold.
IsolatedThreads held_threads(const GuestGroups& guest)
{
    IsolatedThreads held;
    for (const auto& [name, group] : guest.threads) {
        if (group.partition == "isolated" && !group.exclusive.empty()) {
            held.emplace(name, group.exclusive);
        }
    }
    return held;
}

// Whether something is left of one that does not: the kernel's word is "isolated invalid", or the
// helper was ended halfway.
bool is_broken(const GuestGroups& guest)
{
    return guest.exclusive != cpus_of(held_threads(guest)) ||
           std::any_of(guest.threads.begin(), guest.threads.end(), [](const auto& thread) {
               const auto& [pins, exclusive, partition] = thread.second;
               return partition != "isolated" && (partition != "member" || !exclusive.empty());
           });
}

void add_run(GuestRuns& runs, const DomainFacts& facts)
{
    if (facts.id) {
        runs.emplace(facts.uuid, GuestRun{.id = *facts.id, .name = facts.name});
    }
}

// Nobody could look: what was known still counts, for threads may not leave a partition that is
// there.
bool is_unknown(const IsolationView& view)
{
    return view.lacks && view.lacks->refused == IsolationRefusal::failed;
}

void take_view(DomainRecord& record, const IsolationView& view)
{
    auto& isolation = record.isolation;
    const auto scope = view.scopes.find(record.seen.facts.uuid);
    const auto* guest = scope != view.scopes.end() ? &view.host.guests.at(scope->second) : nullptr;
    isolation.scope = guest != nullptr ? scope->second : std::string{};
    isolation.held = guest != nullptr ? held_threads(*guest) : IsolatedThreads{};
    isolation.broken = guest != nullptr && is_broken(*guest);
}

} // namespace

void IsolationSteps::look(const Records& records, const std::vector<ObservedDomain>& seen,
                          std::function<void()> next)
{
    const auto concerns = [](const auto& entry) {
        const auto& record = entry.second;
        return asked_isolation(record) != IsolateChoice::no || !record.isolation.held.empty() ||
               record.isolation.broken;
    };
    const auto wanted = !looked_ || std::any_of(records.begin(), records.end(), concerns);
    if (port_ == nullptr || !wanted) {
        next();
        return;
    }
    GuestRuns runs;
    for (const auto& domain : seen) {
        add_run(runs, domain.facts);
    }
    look_now(std::move(runs), std::move(next));
}

void IsolationSteps::look_now(GuestRuns runs, std::function<void()> next)
{
    port_->look(std::move(runs), [this, next = std::move(next)](IsolationView view) {
        looked_ = looked_ || !is_unknown(view);
        found_ = !is_unknown(view);
        view_ = std::move(view);
        next();
    });
}

void IsolationSteps::take_in(Records& records)
{
    if (std::exchange(found_, false)) {
        for (auto& [uuid, record] : records) {
            take_view(record, view_);
        }
    }
}

void IsolationSteps::make_due(DueDomains& due) const
{
    if (port_ == nullptr || view_.lacks) {
        return;
    }
    std::erase_if(due.unchanged, [&due](const DomainRecord* record) {
        const auto first = !record->before && wants_isolation(*record);
        if (first) {
            due.actions.push_back(blank_actions(record->seen));
        }
        return first;
    });
}

void IsolationSteps::take_off(Records& records, const std::vector<DomainActions>& actions,
                              const Topology& topology, std::function<void()> next)
{
    std::vector<Task> tasks;
    for (const auto& [uuid, record] : records) {
        const auto& isolation = record.isolation;
        if (isolation.scope.empty() || (isolation.held.empty() && !isolation.broken) ||
            !may_change_isolation(record)) {
            continue;
        }
        const auto at = std::find_if(actions.begin(), actions.end(),
                                     [&uuid = uuid](const auto& one) { return one.uuid == uuid; });
        auto kept =
            kept_threads(record, isolation.held, at != actions.end() ? &*at : nullptr, topology);
        const auto moves = at != actions.end() && !at->live.empty();
        if (kept != isolation.held || (isolation.broken && (moves || !wants_isolation(record)))) {
            tasks.push_back({uuid, {.scope = isolation.scope, .threads = std::move(kept)}});
        }
    }
    ask(records, std::move(tasks), std::move(next));
}

bool IsolationSteps::keep(const DomainRecord& record, const Outcome* outcome)
{
    const auto failed =
        outcome != nullptr && !(outcome->errors.empty() && outcome->differs.empty());
    if (failed || !wants_isolation(record)) {
        return false;
    }
    kept_[record.seen.facts.uuid] = outcome != nullptr ? std::optional{*outcome} : std::nullopt;
    return true;
}

bool IsolationSteps::is_any_to_come(const Pass& pass) const
{
    return std::any_of(kept_.begin(), kept_.end(), [&pass](const auto& kept) {
        const auto* record = find_record(pass.records, kept.first);
        return record != nullptr && wants_isolation(*record) &&
               (record->isolation.broken ||
                record->isolation.held != wanted_threads(*record, *pass.topology));
    });
}

// What was seen before planning says nothing of pins that were applied since.
void IsolationSteps::put_on(const Pass& pass, Refused refused,
                            std::function<void(DomainRecord&, const Outcome*)> conclude,
                            std::function<void()> next)
{
    auto finish = [this, pass, conclude = std::move(conclude), next = std::move(next)] {
        conclude_kept(pass, conclude);
        next();
    };
    if (port_ == nullptr || pass.topology == nullptr) {
        finish();
        return;
    }
    auto decide = [this, pass, refused, finish = std::move(finish)] {
        take_in(pass.records);
        ask_for_wanted(pass.records, *pass.topology, refused, finish);
    };
    if (!is_any_to_come(pass)) {
        decide();
        return;
    }
    GuestRuns runs;
    for (const auto& [uuid, record] : pass.records) {
        add_run(runs, record.seen.facts);
    }
    look_now(std::move(runs), std::move(decide));
}

void IsolationSteps::conclude_kept(
    const Pass& pass, const std::function<void(DomainRecord&, const Outcome*)>& conclude)
{
    const auto several = pass.topology != nullptr && pass.topology->memory_nodes().size() > 1;
    const auto forgotten =
        several && view_.forgets_nodes ? NodesForgotten::yes : NodesForgotten::no;
    for (const auto& [uuid, outcome] : std::exchange(kept_, {})) {
        auto* record = find_record(pass.records, uuid);
        if (record == nullptr || !record->plan) {
            continue;
        }
        if (port_ == nullptr) {
            record->isolation.obstacle = nobody_isolates();
        }
        tell_isolation(*record, forgotten);
        for (auto& shown : pass.plan.domains) {
            if (shown.uuid == uuid) {
                shown = *record->plan;
            }
        }
        conclude(*record, outcome ? &*outcome : nullptr);
    }
}

void IsolationSteps::ask_for_wanted(Records& records, const Topology& topology, Refused refused,
                                    std::function<void()> next)
{
    std::vector<Task> tasks;
    for (const auto& [uuid, outcome] : kept_) {
        auto* record = find_record(records, uuid);
        if (record == nullptr || !wants_isolation(*record)) {
            continue;
        }
        auto& isolation = record->isolation;
        auto threads = wanted_threads(*record, topology);
        isolation.obstacle = find_isolation_obstacle(*record, threads, view_, records, topology);
        IsolationRequest request{.scope = isolation.scope, .threads = std::move(threads)};
        if (isolation.obstacle && view_.lacks) {
            continue;
        }
        if (isolation.obstacle) { // what was there does not stay, either
            if (!isolation.held.empty() || isolation.broken) {
                tasks.push_back({uuid, {.scope = isolation.scope, .threads = {}}});
            }
            continue;
        }
        if (isolation.held == request.threads && !isolation.broken) {
            isolation.refused.reset();
        } else if (isolation.refused && isolation.refused_request == request &&
                   refused == Refused::not_again) {
            isolation.obstacle = isolation_reason(*isolation.refused);
        } else {
            tasks.push_back({uuid, std::move(request)});
        }
    }
    ask(records, std::move(tasks), std::move(next));
}

void IsolationSteps::ask(Records& records, std::vector<Task> tasks, std::function<void()> next)
{
    if (port_ == nullptr || tasks.empty()) {
        next();
        return;
    }
    std::vector<IsolationRequest> requests;
    for (const auto& task : tasks) {
        requests.push_back(task.request);
    }
    port_->ask(std::move(requests), [this, &records, tasks = std::move(tasks),
                                     next = std::move(next)](std::vector<IsolationAnswer> answers) {
        for (std::size_t i = 0; i < tasks.size(); ++i) {
            take_answer(records, tasks[i], std::move(answers.at(i)));
        }
        next();
    });
}

void IsolationSteps::take_answer(Records& records, const Task& task, IsolationAnswer answer)
{
    auto* record = find_record(records, task.uuid);
    if (record == nullptr) {
        return;
    }
    const auto name = printable(record->seen.facts.name);
    auto& isolation = record->isolation;
    if (!answer.refused) {
        log_info("{}: {}", name,
                 task.request.threads.empty() ? "its CPUs are no longer its own alone"
                                              : "it has CPUs " + answer.cpus.str() + " to itself");
        isolation.held = task.request.threads;
        isolation.broken = false;
        isolation.refused.reset();
        return;
    }
    const auto line = format_isolation_answer(answer);
    if (asked_isolation(*record) == IsolateChoice::automatic) {
        log_info("{}: virtpind-isolate: {}", name, line);
    } else {
        log_warning("{}: virtpind-isolate: {}", name, line);
    }
    if (!task.request.threads.empty()) {
        isolation.obstacle = isolation_reason(answer);
        isolation.refused_request = task.request;
        isolation.refused = std::move(answer);
    }
}

} // namespace virtpind
