// SPDX-License-Identifier: LGPL-2.1-or-later
// `virtpind restore`: what ResetPolicy does, without a daemon. For removing the package, and for
// the day when the daemon does not start. Blocks; a process of its own.
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
    host::TopologySource topology;
    std::vector<std::string> domains; // names or UUIDs; empty: all
};

// Puts back definitions and live pins from the before-images and takes the policies out of the
// metadata, so that a daemon that is started later leaves the domains alone. One line per domain.
// As root it connects to libvirt and is the owner of the state directory from then on, for good.
// May be interrupted at any point and run again. Status: 0, 1 when something could not be put back,
// 2 on bad input.
[[nodiscard]] int run_restore_command(const RestoreOptions& options, std::ostream& out,
                                      std::ostream& err);

} // namespace virtpind
