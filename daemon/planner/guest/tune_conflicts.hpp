// SPDX-License-Identifier: LGPL-2.1-or-later
// Tunes that a definition rules out: an argument of QEMU's overrides it, it explicitly says the
// opposite of a tune, or it names a CPU model. No tune is written against these. Pure.
#pragma once

#include "common/model/domain.hpp"
#include "common/model/reason.hpp"

#include <set>

namespace virtpind {

struct TunesToDecide {
    std::set<Tune> tunes; // of those asked for, the ones that may be written, or refused
    Reasons reasons;      // why the others are left as the definition has them
};

[[nodiscard]] TunesToDecide tunes_to_decide(const std::set<Tune>& asked, const CpuDefinition& now);

} // namespace virtpind
