// SPDX-License-Identifier: LGPL-2.1-or-later
// Guest tuning as a part of a domain's plan. Pure.
#pragma once

#include "daemon/planner/guest/guest_topology.hpp"

namespace virtpind {

// Adds the tuning and its reasons to the plan of a domain. Where the domain has the tuned shape
// already, its vCPUs are numbered as the tuning numbers them: gaps and dies then mean L3s. Those
// that run and stay where they are keep their numbers, until the next start.
void tune_plan(DomainPlan& plan, const Topology& topology, const Intent& intent,
               const ObservedDomain& seen, const TuningAbilities& abilities,
               const BeforeImage* before);

} // namespace virtpind
