// SPDX-License-Identifier: LGPL-2.1-or-later
// Units of systemd that their files keep on certain CPUs. Any thread; blocking (some hundred small
// files).
#pragma once

#include "common/model/isolation_port.hpp"

#include <filesystem>
#include <string_view>
#include <vector>

namespace virtpind {

// Of the services in the folders where systemd looks for them, by name: what their last
// CPUAffinity= comes to, drop-ins included. The manager's own (system.conf) goes by its file's
// name.
[[nodiscard]] std::vector<UnitAffinity> read_unit_affinities(const std::filesystem::path& root);

// What the lines CPUAffinity= of one file add to `cpus`: an empty one takes all away. Words that
// are no CPUs ("numa") say nothing.
void add_affinity(std::string_view text, CpuSet& cpus);

} // namespace virtpind
