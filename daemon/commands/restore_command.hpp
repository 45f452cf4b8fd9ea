// SPDX-License-Identifier: LGPL-2.1-or-later
// `virtpind restore`: does what ResetPolicy does, without a daemon. For removing the package, or
// when the daemon does not start. Blocks; a process of its own.
#pragma once

#include "daemon/topology/topology_source.hpp"

#include <iosfwd>
#include <string>
#include <vector>

namespace virtpind {

// virtpind restore ...
struct RestoreOptions {
    std::string uri = "qemu:///system";
    std::string state_dir = "/var/lib/virtpind";
    TopologySource topology;
    std::vector<std::string> domains; // names or UUIDs; empty: all
};

// Restores definitions and live pins from the before-images and removes the policies from the
// metadata, so that a daemon that starts later leaves the domains alone. Prints one line per
// domain. As root, it connects to libvirt and then switches to the owner of the state directory,
// for good. It may be interrupted and repeated. Status: 0, 1 when something could not be restored,
// 2 on bad input.
[[nodiscard]] int run_restore_command(const RestoreOptions& options, std::ostream& out,
                                      std::ostream& err);

} // namespace virtpind
