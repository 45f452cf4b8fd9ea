// SPDX-License-Identifier: LGPL-2.1-or-later
// What must hold of every plan, checked without the planner's own bookkeeping.
#pragma once

#include "broken_rule.hpp"
#include "common/model/plan_request.hpp"

#include <string>
#include <vector>

namespace virtpind {

// One sentence per violation; empty for a sound plan. A plan with any must not be applied.
[[nodiscard]] std::vector<std::string> check_plan(const PlanRequest& request, const Plan& plan);

// The same, and whose plan it is that breaks the rule.
[[nodiscard]] std::vector<BrokenRule> find_broken_rules(const PlanRequest& request,
                                                        const Plan& plan);

} // namespace virtpind
