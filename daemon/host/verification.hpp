// SPDX-License-Identifier: LGPL-2.1-or-later
// Comparing what was asked for with what was read back. Pure.
#pragma once

#include "common/action.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace virtpind::host {

// One sentence for each thing that does not hold in `after`. `iothreads` is what the kernel does
// with them, where known.
[[nodiscard]] std::vector<std::string>
differences(const DomainActions& actions, const ObservedDomain& after,
            const std::optional<std::map<IothreadId, CpuSet>>& iothreads);

} // namespace virtpind::host
