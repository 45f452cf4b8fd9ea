// SPDX-License-Identifier: LGPL-2.1-or-later
// What `virtpind plan` is asked.
#pragma once

#include "daemon/topology/topology_source.hpp"

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
    std::string scenario;             // path; empty: domain XML files
    std::vector<std::string> domains; // paths of domain XML, or libvirt's names and UUIDs, in
                                      // order of arrival
    std::string policy;               // replaces the policy of each; empty: keep it
    std::vector<std::string> policy_options; // "smt=require"
    std::string uri = "qemu:///system";      // of libvirt, for domains that are no files
};

} // namespace virtpind
