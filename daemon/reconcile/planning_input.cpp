// SPDX-License-Identifier: LGPL-2.1-or-later
#include "planning_input.hpp"

#include "configured_housekeeping.hpp"
#include "daemon/planner/plan_tuning.hpp"

#include <algorithm>

namespace virtpind {

namespace {

const BeforeImage* before_of(const DomainRecord& record)
{
    return record.before ? &*record.before : nullptr;
}

// Whether every domain can be moved in this pass. Where one cannot, the place that it would leave
// is not free, and comfort can wait.
bool all_are_at_hand(const Records& records)
{
    return std::none_of(records.begin(), records.end(), [](const auto& entry) {
        const auto& record = entry.second;
        return record.seen.facts.job_active || record.failures > 0 || record.deferred_id;
    });
}

} // namespace

PlanRequest host_request(const PlanningInput& input)
{
    PlanRequest request;
    request.topology = &input.topology;
    request.housekeeping = usable_housekeeping(input.config, input.topology).cpus;
    request.tidy_vcpus = input.config.tidy && all_are_at_hand(input.records) ? input.tidy_vcpus : 0;
    return request;
}

Result<void> validate_intent(const PlanningInput& input, const Intent& intent, Names names)
{
    if (const auto fault = input.steps.find_fault(input.topology, intent, names)) {
        return Error{.code = Errc::invalid_policy, .message = fault->field + ": " + fault->what};
    }
    return {};
}

Plan plan_and_tune(const PlanningInput& input, const PlanRequest& request,
                   const ObservedDomain* guest)
{
    auto plan = input.steps.make_plan(request);
    for (std::size_t i = 0; i < plan.domains.size(); ++i) {
        if (request.watch != nullptr) {
            request.watch->at(plan.domains[i].uuid);
        }
        if (guest != nullptr && guest->facts.uuid == plan.domains[i].uuid) {
            tune_plan(plan.domains[i], input.topology, request.intents[i], *guest,
                      input.abilities.tuning, nullptr);
            continue;
        }
        const auto& record = input.records.at(plan.domains[i].uuid);
        tune_plan(plan.domains[i], input.topology, request.intents[i], record.seen,
                  input.abilities.tuning, before_of(record));
    }
    return plan;
}

DiffInput diff_input(const PlanningInput& input, const DomainRecord& record, DiffInput::Live live)
{
    return {.seen = record.seen,
            .online = input.topology.online_cpus(),
            .abilities = input.abilities,
            .before = before_of(record),
            .live = live,
            .memory_nodes = input.topology.memory_nodes()};
}

} // namespace virtpind
