// SPDX-License-Identifier: LGPL-2.1-or-later
// What smt=require promises, and whether the host can keep it at all.
#pragma once

#include "common/model/plan.hpp"
#include "host_index.hpp"

namespace virtpind {

// Whether the domain is promised siblings (smt=require) that this host does not have, or does not
// tell. Nobody is promised any by a topology that is rewritten to that of the CPUs chosen.
[[nodiscard]] bool lacks_siblings(const HostIndex& host, const Intent& intent);

} // namespace virtpind
