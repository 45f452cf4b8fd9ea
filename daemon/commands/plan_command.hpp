// SPDX-License-Identifier: LGPL-2.1-or-later
// `virtpind plan`: the daemon's planner on files. Changes nothing.
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
    // With a scenario: unset unless given, because the scenario names its own.
    std::optional<TopologySource> topology;
    std::string config_path; // empty: the default configuration
    PlanFormat format = PlanFormat::text;
    std::string scenario;                    // path; empty: domain XML files
    std::vector<std::string> domains;        // paths of domain XML, in order of arrival
    std::string policy;                      // replaces the policy of each; empty: keep it
    std::vector<std::string> policy_options; // "smt=require"
};

// Exit status: 0; 3 when a domain gets less than its policy asks for; 2 on bad input, with a
// message on `err`.
[[nodiscard]] int run_plan_command(const PlanOptions& options, std::ostream& out,
                                   std::ostream& err);

} // namespace virtpind
