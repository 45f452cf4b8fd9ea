// SPDX-License-Identifier: LGPL-2.1-or-later
// Intents (what should hold for each domain, and why) and the plan (where everything goes).
#pragma once

#include "domain.hpp"
#include "guest_tuning.hpp"
#include "reason.hpp"
#include "topology.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace virtpind {

enum class Activity {
    running,  // has threads now; moving it costs
    arriving, // is being placed for the first time (plan command, or just started without pins)
    dormant,  // shut off: planned last, for its definition only; never in the way of the others
};

// The claim that a domain makes without being planned. One that is shut off is on no CPU now, so it
// claims nothing, whatever its stance is.
enum class Stance {
    managed,   // plan it by its policy
    hands_off, // policy none: not touched, claims nothing
    foreign,   // pinned by someone else: not touched, its narrow pins are claimed
    held,      // asked to be left alone for now: not touched, its present pins are claimed
    broken,    // metadata or policy cannot be read: not touched, its narrow pins are claimed
};

struct IntentDevice {
    std::string label; // PCI address, or "nodes 1" from a scenario
    NodeSet nodes;     // empty: no locality known
};

// What should hold for one domain, and why.
struct Intent {
    DomainUuid uuid;
    std::string name;
    Stance stance = Stance::managed;
    Activity activity = Activity::arriving;
    Policy policy;
    std::uint32_t vcpus_max = 1;
    VcpuSet vcpus_online; // those that get CPUs of their own, once `plug` and `unplug` are done;
                          // the rest follow (design: planned offline pins)
    VcpuSet plug;         // of vcpus_online: not there yet
    VcpuSet unplug;       // there still, but not to stay
    bool vcpus_as_asked = true; // false: `why` says what is in the way of the number asked for
    std::optional<GuestTopology> topology;
    std::vector<GuestCell> cells;
    std::vector<IothreadId> iothreads;
    std::vector<IntentDevice> devices;
    // What only one guest can have while it runs, by name, ascending: guests with one in common are
    // never there together.
    std::vector<std::string> exclusive;
    std::uint64_t memory_kib = 0;              // 0: unknown, no memory constraint
    std::optional<std::uint64_t> hugepage_kib; // resolved size, never 0
    bool memory_locked = false;
    bool realtime = false; // the definition has vCPUs scheduled in real time: nothing runs beside
    PinSet current; // live pins while running, else the definition's; for stability and for claims
    bool has_memory = false; // it is active, so what it has of the host's memory is taken already
    NodeSet memory_nodes;    // that its memory is on; empty: unknown, or it has none yet
    // It is not about to start, as far as is known: what is missing for that may be there by then.
    bool shut_off = false;
    // It is shut off, and its definition has the pins that a plan by this policy gave it: it keeps
    // them where it cannot be served better now.
    bool settled = false;
    Reasons why; // reasons known before planning (policy source, foreign, held)
};

// Cost of one dedicated domain; smaller is better, compared in this order.
struct Cost {
    std::uint32_t kind = 0;       // 1  vCPUs on CPUs not of the wished kind
    std::uint32_t imbalance = 0;  //    numa=spread: by how much its fullest node has more vCPUs
                                  //    than the emptiest one beyond what the numbers force; or
                                  //    guest cells that share a node; else 0
    std::uint32_t nodes = 0;      // 2  NUMA nodes spanned (per guest cell, summed)
    std::uint32_t distance = 0;   //    ties: sum of distances between the nodes spanned, both ways
    std::uint32_t device = 0;     // 3  vCPUs outside the nodes local to its devices,
                                  //    or on a node without memory
    std::uint32_t packages = 0;   // 4
    std::uint32_t unquiet = 0;    //    vCPUs on CPUs that the scheduler balances, where the host
                                  //    has isolated ones; else 0
    std::uint32_t siblings = 0;   // 5  guest cores not on siblings of one host core
    std::uint32_t l3 = 0;         // 6
    std::uint32_t split = 0;      // 7  cores used only in part
    std::uint32_t shared = 0;     // 8  cores shared with another domain
    std::uint32_t neighbours = 0; // 9  L3s that a claim or housekeeping also uses (cache=alone)
    std::uint32_t big_caches = 0; //    cache=pack: L3s with V-cache, left to others; else 0
    std::uint32_t room = 0;       //    cache=pack: free CPUs of the L3s it uses, its own included:
                                  //    the fewest that suffice fit best; else 0
    std::uint32_t moves = 0;      // 10 vCPUs that change CPU while running
    std::uint32_t io_nodes = 0;   //    a domain without devices: vCPUs on nodes with I/O, where
                                  //    the host has others
    std::uint32_t loaded = 0;     //    vCPUs on CPUs where guests of others may float
    std::array<std::uint32_t, 3> broken{}; // 11 wholly free nodes, L3s, cores broken into
    std::uint32_t small_cache = 0;         // 12 vCPUs off the V-cache, where the host has one;
                                           //    cache=pack: 0
    std::uint64_t rank = 0;                //    sum of the CPUs' ranks
    friend auto operator<=>(const Cost&, const Cost&) = default;
};

struct DomainPlan {
    DomainUuid uuid;
    std::string name;
    Placement requested = Placement::none;
    // Nobody has to wait for what it asks for, but it for something: it cannot start now, or would
    // not have this place if it did. The reasons say why.
    bool awaits = false;
    // What it gets. `none`: left untouched (hands off, foreign, held, broken, or unsatisfiable).
    Placement placement = Placement::none;
    bool satisfied =
        true; // false: it did not get what its policy asked for (exit status 3, Unsatisfiable)
    std::map<VcpuId, CpuSet> vcpus; // online: one CPU each (dedicated) or the pool part (shared);
                                    // offline ones too, pinned in advance to the domain's own CPUs
    VcpuSet online;                 // of `vcpus`: those that are, or come, online
    // One that is shut off, where its vCPUs have other numbers from its next start on: its pins
    // then. Only for people and programs to read.
    std::optional<std::map<VcpuId, CpuSet>> at_start;
    CpuSet emulator; // empty only when placement is none
    // Emulator pin of the definition where it differs from the live one (two-phase pin); else
    // absent.
    std::optional<CpuSet> start_emulator;
    std::map<IothreadId, CpuSet> iothreads;
    std::optional<NumaTune> numatune; // absent: leave memory alone
    VcpuSet plug;                     // to be plugged, after they are pinned
    VcpuSet unplug;                   // to be unplugged
    GuestTuning tuning;               // of the definition; where it says `cpus`, those are its pins
    CpuSet claim; // CPUs nobody else may use (dedicated: vCPUs, own extra cores, idle siblings)
    bool optimal = false; // proven: no placement of this domain, given the others, costs less
    Cost cost;
    Reasons reasons;

    [[nodiscard]] CpuSet vcpu_cpus() const; // that any of `vcpus` is pinned to
};

struct Plan {
    CpuSet usable;
    CpuSet housekeeping;
    CpuSet pool;                     // usable, not housekeeping, not claimed by an active domain
    std::vector<DomainPlan> domains; // in the order of the intents
    std::uint64_t topology_generation = 0;

    [[nodiscard]] const DomainPlan* find(const DomainUuid& uuid) const;
};

} // namespace virtpind
