// SPDX-License-Identifier: LGPL-2.1-or-later
// Comparing what was asked for with what was read back. Pure.
#pragma once

#include "common/model/action.hpp"

#include <string>
#include <vector>

namespace virtpind {

// One sentence for each thing that does not hold in `after`, of the running domain and of the
// definition. For vCPUs what counts is what the kernel does, where that was read; for the emulator
// and I/O threads what libvirt was told.
[[nodiscard]] std::vector<std::string> live_differences(const DomainActions& actions,
                                                        const ObservedDomain& after);
[[nodiscard]] std::vector<std::string> definition_differences(const DomainActions& actions,
                                                              const ObservedDomain& after);

} // namespace virtpind
