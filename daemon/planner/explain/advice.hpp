// SPDX-License-Identifier: LGPL-2.1-or-later
// What would have to change for a domain to be placed better, or at all.
#pragma once

#include "daemon/planner/fleet/fleet.hpp"

#include <optional>
#include <string>
#include <vector>

namespace virtpind {

// A sentence; `where`: "node 1".
[[nodiscard]] std::string housekeeping_in_the_way(const std::string& where,
                                                  const CpuSet& housekeeping);

// Who but `member` claims any of `wanted`: "web1 (6-7), db (8-9)".
[[nodiscard]] std::string claimants(const Fleet& fleet, const Member& member, const CpuSet& wanted);

// Which guests of others may float on any of `wanted`, in the same words.
[[nodiscard]] std::string floaters(const Fleet& fleet, const Member& member, const CpuSet& wanted);

// A sentence, or nothing when no better placement is worth wishing for.
// Precondition: member.placed is set.
[[nodiscard]] std::optional<std::string> how_to_do_better(Fleet& fleet, const Member& member);

// A sentence when it would be placed better if its memory were no matter.
// Precondition: member.placed is set, and nothing is booked for it.
[[nodiscard]] std::optional<std::string> what_memory_costs(Fleet& fleet, const Member& member);

// `ways`: what would let it fit beside the others (misfit.hpp). Precondition: member.placed is not
// set.
[[nodiscard]] std::optional<std::string> how_to_fit(Fleet& fleet, const Member& member,
                                                    const std::vector<std::string>& ways);

} // namespace virtpind
