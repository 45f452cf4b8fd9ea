// SPDX-License-Identifier: LGPL-2.1-or-later
// The command line as values; no I/O beyond parsing.
#pragma once

#include "common/result.hpp"
#include "daemon/host/topology_reader.hpp"
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
    bool config_named = false; // on the command line: it must exist then
    std::string uri = "qemu:///system";
    bus::BusKind bus = bus::BusKind::system;
    host::TopologySource topology;
    std::string state_dir = "/var/lib/virtpind";
    std::string runtime_dir = "/run/virtpind";
    spdlog::level::level_enum log_level = spdlog::level::info;
    bool check_config = false; // only say whether the configuration is good
};

enum class PlanFormat { text, json };

// virtpind plan ...
struct PlanOptions {
    // With a scenario: unset unless it was given, as the scenario names its own.
    std::optional<host::TopologySource> topology;
    std::string config_path; // empty: the default configuration
    PlanFormat format = PlanFormat::text;
    std::string scenario;                    // path; empty: domain XML files
    std::vector<std::string> domains;        // paths of domain XML, in order of arrival
    std::string policy;                      // for all of them, in place of their own; empty: none
    std::vector<std::string> policy_options; // "smt=require"
};

// virtpind restore ...
struct RestoreOptions {
    std::string uri = "qemu:///system";
    std::string state_dir = "/var/lib/virtpind";
    host::TopologySource topology;
    std::vector<std::string> domains; // names or UUIDs; empty: all
};

// virtpind migrate-xml ...
struct MigrateXmlOptions {
    std::string uri = "qemu:///system";
    std::string domain;      // name, UUID, or "-": XML on standard input
    bool persistent = false; // its definition, not the running domain
    // The destination; absent: unknown, or for standard input this host.
    std::optional<host::TopologySource> topology;
};

// Text to print and the status to exit with: --help, --version.
struct PrintAndExit {
    std::string text;
    int status = 0;
};

using Options =
    std::variant<DaemonOptions, PlanOptions, RestoreOptions, MigrateXmlOptions, PrintAndExit>;

// Error: invalid_argument, naming the option, the valid values and --help.
[[nodiscard]] Result<Options> parse_options(int argc, const char* const* argv);

} // namespace virtpind
