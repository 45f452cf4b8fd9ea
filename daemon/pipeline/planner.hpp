// SPDX-License-Identifier: LGPL-2.1-or-later
// The planner: where every vCPU, emulator and I/O thread of every domain goes.
// Pure and deterministic: equal input, equal plan. Bounded by counted work, never by the clock.
//
// What it decides, where the policy leaves room:
// - A running domain keeps every vCPU that is validly pinned, also when a better place becomes free
//   and when vCPUs are added: a plan from its own result moves nothing. Its pins lose their hold
//   when they break a hard constraint (another's claim, housekeeping, `cpus`, whole cores); then
//   it is placed anew, on its own nodes first unless move=node. `move` limits what is done to it
//   for the sake of others. Whoever wants it placed afresh passes it without `current`.
// - Domains that do not run prefer their present pins only among placements equal up to term 9.
// - One that is shut off is planned beside those that run if it fits; else it keeps its place, and
//   `awaits` says so. Guests with a device in common are planned as if the others were off.
// - Isolated CPUs are in no pool; dedicated domains take them first, as far as that costs nothing
//   up to term 4. CPUs on which guests of others float are avoided between equals.
// - `siblings` counts guest cores of a <topology> with threads > 1. Without <topology> the guest
//   sees no siblings and none can be broken; consecutive vCPU pairs go to siblings all the same.
// - numa=spread takes the fewest nodes that can be even, before fewer ones that cannot.
// - Guest cells go whole to nodes, several to one where that needs fewer nodes; numa=spread puts as
//   few as possible on one.
// - On a host where some L3s have V-cache, these are preferred just before `rank`, and the host's
//   own housekeeping on such an L3 does not count as a neighbour.
// - smt=require needs a host that tells cores from threads: some SMT, an L3 or a vendor.
// - Room is made for newcomers only (repair.hpp); a running domain that floats waits for free room.
#pragma once

#include "common/domain_watch.hpp"
#include "common/plan.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace virtpind {

struct PlanRequest {
    const Topology* topology = nullptr; // not null; outlives the call
    std::optional<CpuSet> usable;       // absent: topology->usable_cpus(); else intersected with it
    std::optional<CpuSet> housekeeping; // absent: auto_housekeeping(); empty: none
    std::vector<Intent> intents;        // order is order of arrival
    DomainWatch* watch = nullptr;       // hears whose turn it is; outlives the call
};

// Precondition: the intents are valid (see validate_request).
[[nodiscard]] Plan make_plan(const PlanRequest& request);

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

// The core of CPU 0; on hybrid hosts also one efficiency core; on every further
// node that has I/O devices and at least four cores, one core. Never all usable CPUs.
[[nodiscard]] CpuSet auto_housekeeping(const Topology& topology, const CpuSet& usable);

} // namespace virtpind
