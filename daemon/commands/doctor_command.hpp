// SPDX-License-Identifier: LGPL-2.1-or-later
// `virtpind doctor`: what is wrong with guests and with this host. Changes nothing; needs no
// service, and for files no libvirt.
#pragma once

#include "daemon/topology/topology_source.hpp"

#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

namespace virtpind {

enum class FailOn { error, warning, never };

// virtpind doctor ...
struct DoctorOptions {
    std::optional<TopologySource> topology; // unset: this host
    std::vector<std::string> domains;       // files, or libvirt's names; empty: all of libvirt's
    std::string uri = "qemu:///system";
    bool json = false;
    std::string explain; // the id of a check; empty: examine
    FailOn fail_on = FailOn::error;
    // A folder with a copy of the host's /proc, /sys and /etc; empty: those of this machine, if the
    // topology is this machine's, too.
    std::string root;
    bool for_terminal = false; // colours
};

// Exit status: 0; 3 when something of the level `fail_on` or worse was found; 1 when libvirt or the
// host cannot be read; 2 on bad input. Messages are on `err`.
[[nodiscard]] int run_doctor_command(const DoctorOptions& options, std::ostream& out,
                                     std::ostream& err);

} // namespace virtpind
