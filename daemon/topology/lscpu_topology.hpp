// SPDX-License-Identifier: LGPL-2.1-or-later
// A host as far as lscpu tells of it. Pure.
#pragma once

#include "common/base/result.hpp"
#include "common/model/topology.hpp"

#include <string_view>

namespace virtpind {

// As read_topology(), of the output of `lscpu -e` or `lscpu -p`. Sizes of caches and memory are 0,
// distances are the usual ones, and there are no devices; `warnings` says so, and how kinds of
// cores were told apart, if they were. Errors: as parse_lscpu().
[[nodiscard]] Result<Topology> read_lscpu_topology(std::string_view text);

} // namespace virtpind
