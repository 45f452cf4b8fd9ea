// SPDX-License-Identifier: LGPL-2.1-or-later
// Which kinds of core a domain may have.
#pragma once

#include "common/model/policy.hpp"
#include "host_index.hpp"

#include <vector>

namespace virtpind {

using Kinds = IdSet<KindIndex>;

// Tiers of kinds, best first; within a tier each element is one choice. With cores=any, low-power
// cores are used only where the others do not suffice; with fallback=fail no kind stands in for the
// wished one.
[[nodiscard]] std::vector<std::vector<Kinds>> kind_tiers(const HostIndex& host,
                                                         const Policy& policy);

} // namespace virtpind
