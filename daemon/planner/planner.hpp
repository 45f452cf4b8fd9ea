// SPDX-License-Identifier: LGPL-2.1-or-later
// The planner: where every vCPU, emulator and I/O thread of every domain goes.
// Pure and deterministic: equal input, equal plan. Bounded by counted work, never by the clock.
//
// What it decides, where the policy leaves a choice:
// - A running domain keeps every vCPU that is validly pinned, also when a better place becomes free
//   and when vCPUs are added, but for tidying: a plan from its own result moves nothing. Its pins
//   no longer count when they break a hard constraint (another's claim, housekeeping, `cpus`, whole
//   cores); then it is placed anew, on its own nodes first unless move=node. `move` limits what is
//   done to it for the sake of others. Whoever wants it placed afresh passes it without `current`.
// - Domains that do not run prefer their present pins only among placements equal up to the cost
//   term `best_fit`.
// - One that is shut off is planned beside those that run if it fits; else it keeps its place, and
//   `awaits` says so. Guests with a device in common are planned as if the others were off.
// - Isolated CPUs are in no pool; dedicated domains take them first, as far as that costs nothing
//   up to the cost term `packages`. CPUs on which guests of others float are avoided between
//   equals.
// - `siblings` counts guest cores of a <topology> with threads > 1. Without <topology> the guest
//   sees no siblings and none can be broken; consecutive vCPU pairs go to siblings all the same.
// - numa=spread takes the fewest nodes that can be even, before fewer ones that cannot.
// - Guest cells go whole to nodes, several to one where that needs fewer nodes; numa=spread puts as
//   few as possible on one.
// - On a host where some L3s have V-cache, these are preferred just before `rank`, and the host's
//   own housekeeping on such an L3 does not count as a neighbour.
// - smt=auto gives a guest whose topology has a core for each vCPU that many whole cores, once all
//   others have a place (own_cores.hpp): for no further node, package or kind of core, and not
//   where those that float on the pool would find fewer CPUs.
// - smt=require needs a host that tells cores from threads: some SMT, an L3 or a vendor.
// - Newcomers together cost as little as a bounded search finds (fleet_search.hpp): first as many
// as
//   can be have a place, those of higher priority first; then the costs of the domains of the
//   highest priority add up to the least, then those of the next (fleet_cost.hpp). Domains that
//   run stay where they are for that; what a newcomer costs them counts.
// - Others are moved for newcomers only (rearrange.hpp); a running domain that floats waits for
//   free CPUs. As far as PlanRequest::tidy_vcpus allows, some move for fewer nodes or L3s, too,
//   a newcomer's or their own (tidying.hpp).
#pragma once

#include "common/model/plan_request.hpp"

namespace virtpind {

// Precondition: the intents are valid (see validate.hpp).
[[nodiscard]] Plan make_plan(const PlanRequest& request);

} // namespace virtpind
