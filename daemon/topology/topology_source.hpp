// SPDX-License-Identifier: LGPL-2.1-or-later
// The source of a topology: this host, a file of hwloc or lscpu, or a description.
#pragma once

#include "common/base/result.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace virtpind {

struct TopologySource {
    enum class Kind { live, xml, synthetic, lscpu } kind = Kind::live;
    // xml: path of the file; lscpu: the same, or "-" for standard input;
    std::string text; // synthetic: hwloc's description, "pack:2 core:4 pu:2"
    // The path of /sys, for `live` only; tests set their own.
    std::filesystem::path root = "/";
};

// "live", "xml:FILE", "synthetic:DESCRIPTION" or "lscpu:FILE". Error: invalid_argument.
[[nodiscard]] Result<TopologySource> parse_topology_source(std::string_view text);

} // namespace virtpind
