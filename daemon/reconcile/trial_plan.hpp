// SPDX-License-Identifier: LGPL-2.1-or-later
// "What if this domain had that policy?", answered from the records of the latest look. Pure:
// nothing is changed.
#pragma once

#include "planning_input.hpp"

#include <optional>

namespace virtpind {

// Whether the domain `uuid` could have `policy` at all, whatever the other domains have.
// Precondition: it has a record. Error: invalid_policy, naming what does not exist on this host or
// in this guest.
[[nodiscard]] Result<void> check_policy(const PlanningInput& input, const DomainUuid& uuid,
                                        const Policy& policy);

// The plan as it would be if `uuid` had `policy`, and what that would change in its definition.
struct TrialPlan {
    Plan plan;
    std::optional<DefinitionChange> definition;
};

// Precondition and error: as above.
[[nodiscard]] Result<TrialPlan> try_policy(const PlanningInput& input, const DomainUuid& uuid,
                                           const Policy& policy);

// The plan as it would be if `guest`, which is shut off, were started by `policy` now, beside the
// domains there are; a domain with its UUID is left out. Error: as above.
[[nodiscard]] Result<TrialPlan> try_guest(const PlanningInput& input, const ObservedDomain& guest,
                                          const Policy& policy);

} // namespace virtpind
