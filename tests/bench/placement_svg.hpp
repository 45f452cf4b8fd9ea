// SPDX-License-Identifier: LGPL-2.1-or-later
// The part of flawed places on every host, as a figure that reads without the table. Pure.
#pragma once

#include "placement_run.hpp"

#include <array>
#include <string>
#include <vector>

namespace virtpind::bench {

struct HostFigures {
    std::string name;
    std::array<Figures, placer_names.size()> figures; // in their order
};

[[nodiscard]] double flawed_percent(const Figures& figures);

// SVG: a row for each host, a dot for each placer.
[[nodiscard]] std::string figure_of(const std::vector<HostFigures>& hosts);

} // namespace virtpind::bench
