// SPDX-License-Identifier: LGPL-2.1-or-later
// What a caller may get wrong in what is to be planned, told in the words of a scenario. Pure.
#pragma once

#include "common/base/result.hpp"
#include "common/model/plan_request.hpp"

#include <optional>
#include <string>

namespace virtpind {

// What is wrong with one domain, and where: field "policy.cpus", "cells[1].vcpus" in the words of a
// scenario.
struct IntentFault {
    std::string field;
    std::string what;
};

// Whose CPUs a policy names. Somebody who asks now for CPUs that are not there hears so; a policy
// that was stored may have come from another host, or from before this one changed, and is planned
// as one that cannot be met (decision 55).
enum class Names { of_this_host, of_any_host };

[[nodiscard]] std::optional<IntentFault> find_fault(const Topology& topology, const Intent& intent,
                                                    Names names);

// Input errors a caller can make, naming the field: duplicate UUIDs, guest topology whose product
// is not the vCPU count, cells that name vCPUs beyond it or overlap, CPUs or nodes that do not
// exist.
[[nodiscard]] Result<void> validate_request(const PlanRequest& request,
                                            Names names = Names::of_this_host);

} // namespace virtpind
