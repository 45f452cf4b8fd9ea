// SPDX-License-Identifier: LGPL-2.1-or-later
// `virtpind plan`: the daemon's core on files. Touches nothing.
#pragma once

#include "daemon/topology/topology_source.hpp"

#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

namespace virtpind {

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

// Exit status: 0; 3 when a domain does not get what its policy asks for; 2 on bad input, said on
// `err`.
[[nodiscard]] int run_plan_command(const PlanOptions& options, std::ostream& out,
                                   std::ostream& err);

} // namespace virtpind
