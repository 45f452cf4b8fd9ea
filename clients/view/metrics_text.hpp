// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "facts.hpp"

#include <string>

namespace virtpind::client {

// Figures in the text format of Prometheus, as node_exporter's textfile collector reads it. Pure.
[[nodiscard]] std::string render_metrics(const Snapshot& snapshot);

} // namespace virtpind::client
