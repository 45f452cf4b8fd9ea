// SPDX-License-Identifier: LGPL-2.1-or-later
// An extra core for the emulator or the I/O threads of one domain.
#pragma once

#include "common/model/plan.hpp"
#include "host_index.hpp"

namespace virtpind {

// `present`, if all of it is free and on one core: the threads have their core already.
[[nodiscard]] CpuSet present_own_core(const HostIndex& host, const CpuSet& free,
                                      const CpuSet& present);

// Where the threads are now. A domain that stays in its place keeps them there even on half a core.
struct PresentCore {
    CpuSet cpus;
    bool stays = false;
};

// CPUs for whoever is placed, and which of them nobody has.
struct CoreSupply {
    CpuSet usable;
    CpuSet free;
    enum class Prefer { near, small } prefer = Prefer::near; // `small`: leaves the most CPUs
};

// The CPUs of one core, as far as the option cpus allows them, near `vcpus`: where the threads are
// now, else an efficiency core. All of the core that is usable must be free: half of one beside a
// vCPU or housekeeping is not their own. Empty when there is none.
[[nodiscard]] CpuSet choose_own_core(const HostIndex& host, const Intent& intent,
                                     const CoreSupply& supply, const CpuSet& vcpus,
                                     const PresentCore& present);

// What threads on their own core claim: the rest of the core, too, as far as it is free.
[[nodiscard]] CpuSet claim_of_own_core(const HostIndex& host, const CpuSet& free,
                                       const CpuSet& own);

} // namespace virtpind
