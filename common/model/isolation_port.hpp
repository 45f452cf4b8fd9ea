// SPDX-License-Identifier: LGPL-2.1-or-later
// The requests of the reconciler for guests' CPUs of their own: to look what is so, and to change
// it. Abstract, so that tests can inject faults; daemon/isolation/isolation_client.hpp is the real
// one. All calls are made, and all replies arrive, on the main thread.
#pragma once

#include "common/base/ids.hpp"
#include "common/isolation/isolation_rules.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace virtpind {

// A unit of systemd whose configuration keeps it on these CPUs (CPUAffinity=).
struct UnitAffinity {
    std::string unit; // "nginx.service"
    CpuSet cpus;
    friend bool operator==(const UnitAffinity&, const UnitAffinity&) = default;
};

// A running domain, as its control group is named after it.
struct GuestRun {
    int id = 0; // libvirt's
    std::string name;
};

using GuestRuns = std::map<DomainUuid, GuestRun>;

// What is so now.
struct IsolationView {
    std::optional<IsolationAnswer> lacks; // the host can isolate nothing, and why
    IsolationHost host;
    std::map<DomainUuid, std::string> scopes; // in `host`, of the runs that have one
    std::vector<UnitAffinity> units;
    // Linux before 7.0: kswapd and kcompactd forget their nodes when something is isolated.
    bool forgets_nodes = false;
};

class IsolationPort {
public:
    virtual ~IsolationPort() = default;

    // The runs of which something is to be known.
    virtual void look(GuestRuns runs, std::function<void(IsolationView)> done) = 0;
    // One after the other; an answer for each.
    virtual void ask(std::vector<IsolationRequest> requests,
                     std::function<void(std::vector<IsolationAnswer>)> done) = 0;
};

} // namespace virtpind
