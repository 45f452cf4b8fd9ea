// SPDX-License-Identifier: LGPL-2.1-or-later
// What a plan is asked for. A value that points at others: they outlive the call it is passed to.
#pragma once

#include "domain_watch.hpp"
#include "plan.hpp"

#include <cstddef>
#include <optional>
#include <vector>

namespace virtpind {

struct PlanRequest {
    const Topology* topology = nullptr; // not null; outlives the call
    std::optional<CpuSet> usable;       // absent: topology->usable_cpus(); else intersected with it
    std::optional<CpuSet> housekeeping; // absent: auto_housekeeping(), which gives way
                                        // to dedicated domains (arrangement.hpp); empty: none
    std::vector<Intent> intents;        // order is order of arrival
    // So many vCPUs of running domains may move for fewer nodes or L3s, a newcomer's or their own.
    std::size_t tidy_vcpus = 0;
    DomainWatch* watch = nullptr; // hears whose turn it is; outlives the call

    void turn_of(const Intent& intent) const
    {
        if (watch != nullptr) {
            watch->at(intent.uuid);
        }
    }
};

} // namespace virtpind
