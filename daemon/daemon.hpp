// SPDX-License-Identifier: LGPL-2.1-or-later
// The whole daemon: it owns every part by value, in the order of their dependencies.
#pragma once

#include "daemon/options.hpp"

namespace virtpind {

// Runs until SIGTERM or SIGINT (returns 0) or a fatal error (returns 1: the start failed or the bus
// went away; systemd restarts the service). SIGHUP reads the configuration again, as the method
// Reload does.
[[nodiscard]] int run_daemon(const DaemonOptions& options);

// Validates a configuration file, for --check-config. Returns 0, or 2.
[[nodiscard]] int check_config(const DaemonOptions& options);

} // namespace virtpind
