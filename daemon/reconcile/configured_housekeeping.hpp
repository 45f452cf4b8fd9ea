// SPDX-License-Identifier: LGPL-2.1-or-later
// The housekeeping CPUs that the configuration names, held against the host. Pure.
#pragma once

#include "common/base/cpu_set.hpp"
#include "common/model/config.hpp"
#include "common/model/topology.hpp"

#include <optional>
#include <string>

namespace virtpind {

// The CPUs that plans are made with, absent for `auto`, and a sentence on what is wrong with the
// configuration, or "". A CPU that is merely offline is left out meanwhile, and that is no problem
// as long as others remain.
struct Housekeeping {
    std::optional<CpuSet> cpus;
    std::string problem;
};

[[nodiscard]] Housekeeping usable_housekeeping(const Config& config, const Topology& topology);

} // namespace virtpind
