// SPDX-License-Identifier: LGPL-2.1-or-later
// The host as a Topology value: this machine, a file that lstopo wrote, or a synthetic description.
// Thread: any; blocking (the daemon calls it on its worker).
#pragma once

#include "common/result.hpp"
#include "common/topology.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace virtpind::host {

struct TopologySource {
    enum class Kind { live, xml, synthetic } kind = Kind::live;
    std::string text; // xml: path of the file; synthetic: hwloc's description, "pack:2 core:4 pu:2"
    // Where /sys is, for `live` only; tests put their own here.
    std::filesystem::path root = "/";
};

// "live", "xml:FILE" or "synthetic:DESCRIPTION". Error: invalid_argument.
[[nodiscard]] Result<TopologySource> parse_topology_source(std::string_view text);

// A snapshot in which every CPU has exactly one core, L3, node, package and kind, whatever the
// source looks like; what had to be made up is in Topology::warnings.
// Errors: invalid_argument (no such file, not hwloc XML, bad description), limits_exceeded,
// host_unavailable (live only).
[[nodiscard]] Result<Topology> read_topology(const TopologySource& source);

// The CPUs of one domain, or of the pool or housekeeping, in one colour.
struct TopologyLabel {
    std::string name;
    CpuSet cpus;
    std::map<CpuId, std::string> threads; // what runs on a CPU, "win11 vCPU 3"; else the name

    enum class Whose { guest, housekeeping, pool } whose = Whose::guest;
};

// hwloc XML in which every CPU carries the label (as info "virtpind") and colour (as lstopoStyle)
// of the first of `labels` that has it, and a Misc object that lstopo draws for what runs on it.
// Errors as read_topology.
[[nodiscard]] Result<std::string> export_topology_xml(const TopologySource& source,
                                                      const std::vector<TopologyLabel>& labels);

} // namespace virtpind::host
