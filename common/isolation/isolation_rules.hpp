// SPDX-License-Identifier: LGPL-2.1-or-later
// Whether a request may be granted, by what the kernel says of the host and of all guests. The
// helper holds every request against these rules, whoever sent it. Pure.
#pragma once

#include "isolation_answer.hpp"
#include "isolation_request.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace virtpind {

// What the host must keep for itself: a whole core at least, and one on every node with devices
// that it serves.
struct HostFloor {
    std::vector<CpuSet> cores; // the online siblings of each
    std::vector<CpuSet> nodes; // the CPUs of each node with such devices
    friend bool operator==(const HostFloor&, const HostFloor&) = default;
};

// What is missing when the host keeps only `left`, as a sentence; nullopt: nothing is.
[[nodiscard]] std::optional<std::string> below_floor(const HostFloor& floor, const CpuSet& left);

// One group of threads of a guest.
struct ThreadGroup {
    CpuSet pins;           // that libvirt gave it; empty: none of its own
    CpuSet exclusive;      // that it may have to itself
    std::string partition; // the kernel's word: "member", "isolated", "isolated invalid (why)"
};

struct GuestGroups {
    CpuSet exclusive;                           // of the scope
    std::map<std::string, ThreadGroup> threads; // by name, `idle` by that word
};

struct IsolationHost {
    CpuSet online;
    CpuSet isolated; // of everybody, the guest in question included
    HostFloor floor;
    std::map<std::string, GuestGroups> guests; // by scope
    // Control groups in machine.slice, and in slices in there, that are no guests, by name, with
    // their CPUs; and threads of guests in any slice but machine.slice itself, by "vcpu0 of SCOPE".
    std::map<std::string, CpuSet> others;
    CpuSet others_exclusive; // what all these in machine.slice may have to themselves
};

// nullopt: granted. A request without threads is granted to every guest that there is.
[[nodiscard]] std::optional<IsolationAnswer> find_refusal(const IsolationRequest& request,
                                                          const IsolationHost& host);

// The CPUs that partitions of this guest hold now.
[[nodiscard]] CpuSet isolated_cpus_of(const GuestGroups& guest);

} // namespace virtpind
