// SPDX-License-Identifier: LGPL-2.1-or-later
// The extra cores of a domain whose policy asks for them: one for its emulator threads, one for its
// I/O threads.
#pragma once

#include "daemon/planner/place/own_core.hpp"
#include "member.hpp"

namespace virtpind {

// Chooses them beside what `member` claims, out of what is `free`, and claims them, too. False
// where one is asked for and not there. Precondition: member.placed is set.
[[nodiscard]] bool claim_extra_cores(const HostIndex& host, const CpuSet& usable,
                                     const CpuSet& free, Member& member);

// Claims the extra cores that its threads have now, as far as they are `free`.
void keep_extra_cores(const HostIndex& host, const CpuSet& free, Member& member);

// The whole cores its threads would have if only the vCPUs that stay had a place; none where there
// are not so many. Precondition: member.placed is set.
[[nodiscard]] CpuSet extra_cores_beside(const HostIndex& host, const CoreSupply& supply,
                                        Member member, const VcpuMap& kept);

} // namespace virtpind
