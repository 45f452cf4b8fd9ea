// SPDX-License-Identifier: LGPL-2.1-or-later
// The pure middle of a pass: from what is remembered of all domains to decisions, the plan, its
// check, and the changes that are due. The spine enters it once a pass.
#pragma once

#include "planning_input.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace virtpind {

// What the pass comes to for one domain, before anything is changed.
struct DomainStep {
    Decision decision;
    std::optional<DomainPlan> plan; // absent where the domain is not to be planned
    enum class Turn {
        job_active, // libvirt is at work on the domain and would keep the pass waiting
        later,      // an attempt failed, and the next one is not due
        now,
    } turn = Turn::later;
    std::optional<DomainActions> actions; // only `now`; absent where nothing is to be changed
    // Sentences on what libvirt does not keep of the change that is wanted, as was found before.
    std::vector<std::string> not_kept;
};

struct PassPlan {
    Plan plan;
    std::vector<DomainStep> steps;   // one per record, in their order
    std::vector<std::string> broken; // sentences on rules that the plan breaks: it is not applied,
                                     // and no step has a plan or actions
};

// The domains that somebody asked for are due whatever failed before.
struct Schedule {
    std::chrono::steady_clock::time_point now;
    std::function<bool(const DomainUuid&)> is_asked_for;
};

// A domain at which something goes wrong, an exception or a rule that its plan breaks, is set
// apart, and the others are planned without it; at most this many times over. What is no one
// domain's doing is in `broken`.
inline constexpr unsigned set_apart_turns_max = 16;
[[nodiscard]] PassPlan plan_pass(const PlanningInput& input, const Schedule& schedule);

} // namespace virtpind
