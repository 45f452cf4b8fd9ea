// SPDX-License-Identifier: LGPL-2.1-or-later
// What a domain names that this host does not have: pins of a larger host, of the time before a CPU
// was swapped or SMT was switched off, CPUs of another host in a policy. None of it is a place, and
// none of it is an error: the domain is planned without it, and told. Pure; any size of set.
#pragma once

#include "common/model/plan.hpp"

namespace virtpind {

// CPUs and nodes that `pins` name and the topology does not have, offline ones aside: those exist.
[[nodiscard]] CpuSet cpus_elsewhere(const Topology& topology, const PinSet& pins);
[[nodiscard]] NodeSet nodes_elsewhere(const Topology& topology, const PinSet& pins);

// Whether libvirt asks numad for the nodes at every start: <numatune> says placement='auto', and so
// names none.
[[nodiscard]] bool asks_numad(const PinSet& pins);

// CPUs that a policy fixes and the topology does not have.
[[nodiscard]] CpuSet cpus_elsewhere(const Topology& topology, const Policy& policy);

// Adds the reasons, for a domain that is planned.
void explain_elsewhere(const Topology& topology, const Intent& intent, DomainPlan& plan);

} // namespace virtpind
