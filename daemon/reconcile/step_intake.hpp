// SPDX-License-Identifier: LGPL-2.1-or-later
// What a pass has planned goes into the records, before anything is changed. Main thread.
#pragma once

#include "domain_record.hpp"
#include "pass_steps.hpp"

#include <vector>

namespace virtpind {

// The decisions and domain plans of `planned` become those of the records. A plan that breaks a
// rule changes nothing, but for a newcomer, which has no other decision yet. Precondition:
// `planned` was made from `records`.
void adopt_steps(Records& records, PassPlan& planned);

struct DueDomains {
    std::vector<DomainActions> actions;
    std::vector<DomainRecord*> unchanged; // where it is the domain's turn and nothing is to be done
};

// Takes the changes out of `planned` for the domains whose turn it is. Precondition: as above, and
// no rule is broken.
[[nodiscard]] DueDomains take_due(Records& records, PassPlan& planned);

// Adds what is to be noted with the changes, now that the before-image is on disk, and shows the
// domain as being changed. False: something went wrong at this domain, which is set apart; its
// changes are not to be applied.
[[nodiscard]] bool complete_actions(DomainActions& actions, DomainRecord& record,
                                    const PlanningInput& input);

} // namespace virtpind
