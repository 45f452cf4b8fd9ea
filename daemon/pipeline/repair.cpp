// SPDX-License-Identifier: LGPL-2.1-or-later
#include "repair.hpp"

namespace virtpind {

void repair(Fleet& fleet)
{
    for (auto& member : fleet.members()) {
        if (member.misfit && member.intent->policy.fallback == Fallback::shared) {
            fleet.lift(member);
        }
    }
}

} // namespace virtpind
