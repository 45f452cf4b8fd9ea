// SPDX-License-Identifier: LGPL-2.1-or-later
// The daemon as a whole: owns every part by value in the order in which they need each other.
#pragma once

#include "daemon/options.hpp"

namespace virtpind {

// Runs until SIGTERM or SIGINT (0), or until something it cannot live without fails (1: the bus
// went away, or it could not start; systemd starts it again). SIGHUP reads the configuration again,
// as the method Reload does.
[[nodiscard]] int run_daemon(const DaemonOptions& options);

// Reads a configuration file and says whether it is good; for --check-config. 0, or 2.
[[nodiscard]] int check_config(const DaemonOptions& options);

} // namespace virtpind
