// SPDX-License-Identifier: LGPL-2.1-or-later
// Parts that an earlier policy wrote into a definition and the present one does not ask for. Pure.
#pragma once

#include "common/model/guest_tuning.hpp"
#include "common/model/original_state.hpp"

namespace virtpind {

// The parts to put back before `tuning` is made; "" for what was not there. Only parts that are
// still as virtpind wrote them: a part that somebody else changed stays.
[[nodiscard]] DefinitionParts parts_to_release(const Policy& policy, const GuestTuning& tuning,
                                               const BeforeImage& before, const CpuDefinition& now);

// Whether the definition left placement to numad before, and does not now by our doing.
[[nodiscard]] bool made_static(const BeforeImage& before, const CpuDefinition& now);

} // namespace virtpind
