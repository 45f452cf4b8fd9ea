// SPDX-License-Identifier: LGPL-2.1-or-later
// Advice: the changes that would let a domain be placed better, or at all.
#pragma once

#include "daemon/planner/fleet/fleet.hpp"
#include "infeasibility.hpp"

#include <optional>

namespace virtpind {

// The other domains that claim any of `wanted`.
[[nodiscard]] DomainsOnCpus claimants(const Fleet& fleet, const Member& member,
                                      const CpuSet& wanted);

// The foreign guests that may run on any of `wanted`.
[[nodiscard]] DomainsOnCpus floaters(const Fleet& fleet, const Member& member,
                                     const CpuSet& wanted);

// Nothing when the placement is good enough or the host offers no better one. Precondition:
// member.placed is set.
[[nodiscard]] std::optional<Reason> how_to_do_better(Fleet& fleet, const Member& member);

// A reason when the domain would be placed better if its memory were ignored.
// Precondition: member.placed is set, and nothing is booked for it.
[[nodiscard]] std::optional<Reason> what_memory_costs(Fleet& fleet, const Member& member);

// A reason when guest cells share a node and numa=spread would give each its own. The same
// precondition.
[[nodiscard]] std::optional<Reason> what_spread_gives(Fleet& fleet, const Member& member);

// `ways`: the changes that would let it fit beside the others. Precondition: member.placed is not
// set.
[[nodiscard]] Reason how_to_fit(Fleet& fleet, const Member& member, const Ways& ways);

} // namespace virtpind
