// SPDX-License-Identifier: LGPL-2.1-or-later
// A core for each vCPU of guests whose topology has that (smt=auto), once everybody has a place.
#pragma once

#include "fleet.hpp"

namespace virtpind {

// Places `member` again, with a whole core for each vCPU. True where that costs less and those that
// float find as many CPUs as before beside its cores; else it stays what it was.
bool give_own_cores(Fleet& fleet, Member& member);

// The cores that active domains have for a vCPU each although their siblings are in the pool, by
// smt=auto or smt=spread: shared domains use what is left of them last.
[[nodiscard]] CpuSet cores_of_one_vcpu(const Fleet& fleet);

} // namespace virtpind
