// SPDX-License-Identifier: LGPL-2.1-or-later
// What a client knows of the service, as plain values. Every text in them is printable: names and
// reasons come from owners of guests, and clients/bus makes them so when it reads them.
#pragma once

#include "common/base/cpu_set.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace virtpind::client {

// A code of the service and its sentence; both empty: none.
struct Remark {
    std::string code;
    std::string text;

    [[nodiscard]] bool empty() const { return code.empty() && text.empty(); }

    friend bool operator==(const Remark&, const Remark&) = default;
};

struct Hold {
    std::string reason;
    std::string owner; // the unique bus name of the caller
    friend bool operator==(const Hold&, const Hold&) = default;
};

// What was set for a guest itself, in one place, without what the configuration adds.
struct OwnPolicy {
    std::string source; // the words of the bus: "bus", "metadata" or "unreadable"
    std::string policy; // empty: options alone
    std::map<std::string, std::string> options;
    friend bool operator==(const OwnPolicy&, const OwnPolicy&) = default;
};

// One domain of libvirt: a person who types at a terminal calls it a guest.
struct Guest {
    std::string uuid;
    std::string name;
    std::string run_state; // the words of the bus: "running", "shutoff", ...
    std::string policy;
    std::string policy_source;
    std::map<std::string, std::string> options; // as in "smt=require"
    std::string pin_state;                      // the words of the bus
    std::map<std::uint32_t, CpuSet> vcpus;      // where each may run now
    CpuSet emulator;
    std::map<std::uint32_t, CpuSet> iothreads;
    std::string nodes; // to which its memory is bound
    Remark last_error;
    std::uint64_t last_applied_usec = 0; // since the epoch; 0: never
    std::uint64_t generation = 0;

    // A service of InterfaceVersion 1 does not tell these.
    std::optional<std::vector<OwnPolicy>> own; // highest first
    std::optional<bool> satisfied;             // whether it gets all that its policy asks for
    Remark shortfall;                          // what it lacks
    std::string placement; // on whose CPUs it is, in the words of the bus: "own", "pool"
    CpuSet isolated;       // CPUs that it has to itself
    std::vector<Hold> holds;
    std::vector<std::string> displaced;    // who lacks something since this guest has their CPUs
    std::vector<std::string> displaced_by; // and who has this guest's

    [[nodiscard]] CpuSet vcpu_cpus() const
    {
        CpuSet all;
        for (const auto& [vcpu, cpus] : vcpus) {
            all |= cpus;
        }
        return all;
    }

    friend bool operator==(const Guest&, const Guest&) = default;
};

// A condition that needs attention.
struct Problem {
    Remark what;
    std::string guest; // its UUID; empty: of the whole host
    friend bool operator==(const Problem&, const Problem&) = default;
};

struct Service {
    std::string version;
    std::uint32_t interface_version = 1;
    std::string state; // the words of the bus: "ready", "degraded", ...
    std::string libvirt_uri;
    CpuSet online;
    CpuSet housekeeping;
    CpuSet pool;
    CpuSet isolated; // CPUs that guests have to themselves
    std::vector<std::string> policies;
    std::string default_policy;
    std::vector<Problem> problems;
    friend bool operator==(const Service&, const Service&) = default;
};

// Everything at one moment; guests by name.
struct Snapshot {
    Service service;
    std::vector<Guest> guests;
};

} // namespace virtpind::client
