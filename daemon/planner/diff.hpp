// SPDX-License-Identifier: LGPL-2.1-or-later
// From what is and what should be to what must be done. Pure; empty is the usual answer, and
// diff(apply(diff)) is empty.
#pragma once

#include "common/model/action.hpp"
#include "common/model/libvirt_port.hpp"
#include "common/model/original_state.hpp"
#include "common/model/plan.hpp"

#include <string_view>

namespace virtpind {

struct DiffInput {
    const ObservedDomain& seen;
    CpuSet online; // host CPUs; what a thread without a pin may use
    DriverCapabilities abilities;
    const BeforeImage* before = nullptr; // where there is one
    // `deferred`: the running domain is left as it is, its definition is not.
    enum class Live { now, deferred } live = Live::now;
    NodeSet memory_nodes = {}; // of the host; restoring: where memory that was not bound may be
};

// None, of this domain.
[[nodiscard]] DomainActions blank_actions(const ObservedDomain& seen);

// Precondition: plan.placement is not none.
[[nodiscard]] DomainActions diff(const DiffInput& input, const DomainPlan& plan);

// What gives the domain back as input.before has it, which must be there. Live pins come from the
// image when it was taken in this run (same id and boot), else from what the definition would have
// given this run, and they go no further than the CPUs that are `usable` now (all of these where
// none is left): the kernel does not either. Of the definition, only what is ours still is put
// back.
[[nodiscard]] DomainActions diff_restore(const DiffInput& input, const CpuSet& usable,
                                         std::string_view boot_id);

// What lets a domain start that cannot be planned, and nothing else: threads that the definition
// keeps on CPUs that are not among `known`, which no start survives, are kept on those of them that
// are `usable`, or on all that are.
[[nodiscard]] DomainActions diff_dead_pins(const DiffInput& input, const CpuSet& known,
                                           const CpuSet& usable);

} // namespace virtpind
