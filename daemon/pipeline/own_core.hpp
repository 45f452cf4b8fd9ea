// SPDX-License-Identifier: LGPL-2.1-or-later
// An extra core for the emulator or the I/O threads of one domain.
#pragma once

#include "common/plan.hpp"
#include "host_index.hpp"

namespace virtpind {

// `present`, if all of it is free and on one core: the threads have their core already.
[[nodiscard]] CpuSet present_own_core(const HostIndex& host, const CpuSet& free,
                                      const CpuSet& present);

// The CPUs of one core out of `free`, near `vcpus`: where the threads are now (`present`), else an
// efficiency core, else a whole core rather than a part of one. Empty when nothing is free.
[[nodiscard]] CpuSet choose_own_core(const HostIndex& host, const Intent& intent,
                                     const CpuSet& free, const CpuSet& vcpus,
                                     const CpuSet& present);

} // namespace virtpind
