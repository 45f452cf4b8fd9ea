// SPDX-License-Identifier: LGPL-2.1-or-later
// What the doctor looks at: guests, their host, and what is known of both. A value.
#pragma once

#include "common/model/domain.hpp"
#include "common/model/host_facts.hpp"
#include "common/model/topology.hpp"

#include <map>
#include <string>
#include <vector>

namespace virtpind {

struct DoctorFacts {
    const Topology* topology = nullptr; // not null
    std::vector<ObservedDomain> guests; // those that are judged, in the order they are told
    // Others that are there, too: what they are pinned to counts, and nothing is said of them.
    std::vector<ObservedDomain> others;
    bool sees_all_guests = false; // of this host, running or not
    HostFacts host;
    // By UUID: what the service could not give a guest that it should have, as a sentence.
    std::map<DomainUuid, std::string> unsatisfied;
};

} // namespace virtpind
