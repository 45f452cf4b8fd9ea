// SPDX-License-Identifier: LGPL-2.1-or-later
// The command line as values; no I/O beyond parsing.
#pragma once

#include "common/base/result.hpp"
#include "daemon/commands/doctor_command.hpp"
#include "daemon/commands/migrate_xml_command.hpp"
#include "daemon/commands/plan_command.hpp"
#include "daemon/commands/restore_command.hpp"
#include "daemon/topology/topology_source.hpp"
#include "dbus/service.hpp"

#include <spdlog/common.h>

#include <string>
#include <variant>
#include <vector>

namespace virtpind {

inline constexpr auto default_config_path = "/etc/virtpind/virtpind.json";

// virtpind [--config FILE] [--uri URI] ...
struct DaemonOptions {
    std::string config_path = default_config_path;
    bool config_named = false; // on the command line: it must exist
    std::string uri = "qemu:///system";
    bus::BusKind bus = bus::BusKind::system;
    TopologySource topology;
    std::string state_dir = "/var/lib/virtpind";
    std::string runtime_dir = "/run/virtpind";
    spdlog::level::level_enum log_level = spdlog::level::info;
    bool check_config = false; // validate the configuration and exit
};

// Text to print and the status to exit with: --help, --version.
struct PrintAndExit {
    std::string text;
    int status = 0;
};

using Options = std::variant<DaemonOptions, PlanOptions, DoctorOptions, RestoreOptions,
                             MigrateXmlOptions, PrintAndExit>;

// Error: invalid_argument, naming the option, the valid values and --help.
[[nodiscard]] Result<Options> parse_options(int argc, const char* const* argv);

} // namespace virtpind
