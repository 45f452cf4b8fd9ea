// SPDX-License-Identifier: LGPL-2.1-or-later
// The host's shape as JSON, enough to draw its map without hwloc. Pure.
#pragma once

#include "common/model/topology.hpp"

#include <nlohmann/json.hpp>

namespace virtpind {

// "packages", "nodes", "l3s", "cores" and "kinds", each a list of objects with "cpus"; an L3 and a
// core name the node and package they are in by id and position. "offline", "not-allowed",
// "isolated" and "nohz-full" are cpulists. Nothing in it changes while `topology.generation` stays.
// Its size grows with the number of cores: about 70 bytes each.
[[nodiscard]] nlohmann::ordered_json layout_to_json(const Topology& topology);

} // namespace virtpind
