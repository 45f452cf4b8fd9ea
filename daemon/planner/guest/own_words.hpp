// SPDX-License-Identifier: LGPL-2.1-or-later
// What a definition keeps to itself: an argument of QEMU's that overrides it, the contrary of a
// tune in so many words, a CPU model that it names. No tune is written against these. Pure.
#pragma once

#include "common/model/domain.hpp"
#include "common/model/reason.hpp"

#include <set>
#include <string>

namespace virtpind {

struct TunesToDecide {
    std::set<Tune> tunes; // of those asked for, the ones that may be written, or refused
    Reasons reasons;      // why the others are left as the definition has them
};

[[nodiscard]] TunesToDecide tunes_to_decide(const std::set<Tune>& asked, const CpuDefinition& now);

// "-smp in the QEMU command line of the definition holds against WHAT."
[[nodiscard]] std::string holds_against(const std::string& argument, const std::string& what);

} // namespace virtpind
