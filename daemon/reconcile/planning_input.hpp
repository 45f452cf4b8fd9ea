// SPDX-License-Identifier: LGPL-2.1-or-later
// What the pure steps of a pass are made from, which planner carries them out, and what a pass and
// a dry run have in common.
#pragma once

#include "common/model/config.hpp"
#include "common/model/libvirt_port.hpp"
#include "common/model/plan_request.hpp"
#include "common/model/undo_merge.hpp"
#include "daemon/planner/diff.hpp"
#include "daemon/planner/intents.hpp"
#include "daemon/planner/plan_check.hpp"
#include "daemon/planner/planner.hpp"
#include "daemon/planner/validate.hpp"
#include "domain_record.hpp"

#include <cstddef>
#include <string>

namespace virtpind {

// The planner's functions as a pass calls them. Tests put others in their place, which go wrong.
struct PlannerSteps {
    decltype(&virtpind::find_fault) find_fault = &virtpind::find_fault;
    decltype(&virtpind::make_plan) make_plan = &virtpind::make_plan;
    decltype(&virtpind::find_broken_rules) find_broken_rules = &virtpind::find_broken_rules;
    decltype(&virtpind::diff) diff = &virtpind::diff;
    decltype(&virtpind::add_notes) add_notes = &virtpind::add_notes;
};

// Refers to the daemon's state: valid until that changes.
struct PlanningInput {
    const Config& config;
    const Topology& topology;
    const Records& records;
    const DriverCapabilities& abilities;
    const std::string& boot_id; // of the host: a run is told by it and the domain's id
    const PlannerSteps& steps;
    IntentInput::Look look = IntentInput::Look::later;
    DomainWatch* watch = nullptr; // hears at which domain the work is
    std::size_t tidy_vcpus = 0;   // that may move now, if the configuration lets any
};

// The host's part of a request; without intents.
[[nodiscard]] PlanRequest host_request(const PlanningInput& input);

// Whether one domain's policy makes sense on this host: CPUs that exist, guest cells that add up.
// Error: invalid_policy, naming the field.
[[nodiscard]] Result<void> validate_intent(const PlanningInput& input, const Intent& intent,
                                           Names names);

// The plan of all intents, and the tuning of each domain's definition. Precondition: each intent's
// domain has a record, or is `guest`.
[[nodiscard]] Plan plan_and_tune(const PlanningInput& input, const PlanRequest& request,
                                 const ObservedDomain* guest = nullptr);

[[nodiscard]] DiffInput diff_input(const PlanningInput& input, const DomainRecord& record,
                                   DiffInput::Live live);

} // namespace virtpind
