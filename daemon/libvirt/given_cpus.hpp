// SPDX-License-Identifier: LGPL-2.1-or-later
// CPUs that guests have to themselves (the option isolate): the kernel keeps other threads off
// them, and says so of their affinities. Any thread; blocks as long as a file of the kernel does.
#pragma once

#include "common/base/cpu_set.hpp"
#include "common/model/domain.hpp"

#include <filesystem>

namespace virtpind {

// Of all guests in machine.slice; empty where there are none.
[[nodiscard]] CpuSet read_given_cpus(const std::filesystem::path& root = "/");

// What the kernel says of vCPUs, as if nothing was given away: a thread that lacks nothing of its
// pin but such CPUs obeys it, and is on all of it again when they are back.
void add_given_cpus(RunningDomain& running, const CpuSet& given);

} // namespace virtpind
