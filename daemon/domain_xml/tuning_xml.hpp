// SPDX-License-Identifier: LGPL-2.1-or-later
// The guest's CPUs in a persistent definition: <vcpu>, <vcpus>, <cpu> and <os><smbios>. Pure.
#pragma once

#include "common/model/guest_tuning.hpp"

#include <pugixml.hpp>

namespace virtpind {

// Makes `domain`, which says `now`, say `wanted`, which is what `tuning` makes of it; not the pins.
// What already says what it should is not touched. A CPU mode that cannot carry a tune gives way to
// host-passthrough.
void write_tuning(pugi::xml_node domain, const CpuDefinition& now, const CpuDefinition& wanted,
                  const GuestTuning& tuning);

} // namespace virtpind
