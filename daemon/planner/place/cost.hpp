// SPDX-License-Identifier: LGPL-2.1-or-later
// What one placement of one dedicated domain costs. This is the definition; the search keeps
// its own running sums, and tests hold the two against each other.
#pragma once

#include "charges.hpp"

#include <map>
#include <optional>

namespace virtpind {

// One CPU per online vCPU.
using VcpuMap = std::map<VcpuId, CpuId>;

// Whether its pins tell which vCPU is where: it runs or has its memory, or virtpind wrote them for
// it. Those of a definition that somebody else wrote tell which CPUs it had better have, no more.
[[nodiscard]] bool has_present_pins(const Intent& intent);

// The CPU that `vcpu` is pinned to now, when that is a single one, and
// one of this host: a pin from another host, or from before this one changed, is no place to be at.
[[nodiscard]] std::optional<CpuId> present_cpu(const HostIndex& host, const Intent& intent,
                                               VcpuId vcpu);

// Whether a core of this class is what `wish` asks for.
[[nodiscard]] bool is_wished(CoreClass core_class, CoreChoice wish);

// Every term from scratch. Precondition: `pins` names online CPUs, one per vCPU.
[[nodiscard]] Cost cost_of(const HostIndex& host, const Intent& intent, const Surroundings& around,
                           const VcpuMap& pins);

} // namespace virtpind
