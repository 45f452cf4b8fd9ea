// SPDX-License-Identifier: LGPL-2.1-or-later
// Where a topology is read from: this host, a file of hwloc's, or a description.
#pragma once

#include "common/base/result.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace virtpind::host {

struct TopologySource {
    enum class Kind { live, xml, synthetic } kind = Kind::live;
    std::string text; // xml: path of the file; synthetic: hwloc's description, "pack:2 core:4 pu:2"
    // Where /sys is, for `live` only; tests put their own here.
    std::filesystem::path root = "/";
};

// "live", "xml:FILE" or "synthetic:DESCRIPTION". Error: invalid_argument.
[[nodiscard]] Result<TopologySource> parse_topology_source(std::string_view text);

} // namespace virtpind::host
