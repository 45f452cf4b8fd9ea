// SPDX-License-Identifier: LGPL-2.1-or-later
#include "configured_housekeeping.hpp"

namespace virtpind {

Housekeeping usable_housekeeping(const Config& config, const Topology& topology)
{
    if (!config.housekeeping || config.housekeeping->empty()) {
        return {.cpus = config.housekeeping, .problem = {}};
    }
    const auto& wanted = *config.housekeeping;
    const auto usable = topology.usable_cpus();
    const auto unknown = wanted - topology.all_cpus();
    Housekeeping kept{.cpus = wanted & usable, .problem = {}};
    const auto instead = [&kept](const std::string& why) {
        kept.cpus.reset();
        kept.problem += why + ", so auto is used instead; ";
    };
    const auto named = "housekeeping (" + wanted.str() + ") in the configuration ";
    if (!unknown.empty()) {
        kept.problem = named + "names CPUs " + unknown.str() + ", and the host has " +
                       topology.all_cpus().str() + "; ";
    }
    if (kept.cpus->empty()) {
        instead((unknown.empty() ? named : "it ") + "names no CPU that is online and may be used");
    } else if (kept.cpus->includes(usable)) {
        instead((unknown.empty() ? named : "it ") + "leaves no CPU to domains");
    }
    if (!kept.problem.empty()) {
        kept.problem += "correct it and call Reload";
    }
    return kept;
}

} // namespace virtpind
