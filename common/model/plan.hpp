// SPDX-License-Identifier: LGPL-2.1-or-later
// Intents (the wanted state of each domain, with reasons) and the plan (the place of every thread).
#pragma once

#include "cost_terms.hpp"
#include "domain.hpp"
#include "fleet_cost.hpp"
#include "guest_tuning.hpp"
#include "reason.hpp"
#include "topology.hpp"

#include <cstddef>
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

// The claim of a domain that is not planned. A domain that is shut off claims nothing, since it is
// on no CPU now, whatever its stance is.
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

// The name of a PCI device in Intent::exclusive.
[[nodiscard]] std::string pci_resource(std::string_view address);

// The wanted state of one domain, and its reasons.
struct Intent {
    DomainUuid uuid;
    std::string name;
    Stance stance = Stance::managed;
    Activity activity = Activity::arriving;
    Policy policy;
    std::uint32_t vcpus_max = 1;
    VcpuSet vcpus_online; // those that get CPUs of their own, once `plug` and `unplug` are done;
                          // the rest follow (design: planned offline pins)
    VcpuSet floating;     // online, too, but on the pool beside those (the option dedicated-vcpus)
    VcpuSet plug;         // of vcpus_online and floating: not there yet
    VcpuSet unplug;       // there still, but not to stay
    bool vcpus_as_asked = true; // false: `why` says what is in the way of the vCPUs asked for
    std::optional<GuestTopology> topology;
    std::vector<GuestCell> cells;
    std::vector<IothreadId> iothreads;
    std::vector<IntentDevice> devices;
    // Resources that only one guest can have while it runs, by name, ascending: guests that share
    // one never run together.
    std::vector<std::string> exclusive;
    std::uint64_t memory_kib = 0;              // 0: unknown, no memory constraint
    std::optional<std::uint64_t> hugepage_kib; // resolved size, never 0
    bool memory_locked = false;
    bool realtime = false; // the definition has vCPUs scheduled in real time: nothing runs beside
    PinSet current; // live pins while running, else the definition's; for stability and for claims
    bool has_memory = false; // it is active, so its memory is taken from the host already
    NodeSet memory_nodes;    // the nodes of its memory; empty: unknown, or it has none yet
    // It is shut off and not about to start: whatever is missing now may be available then.
    bool shut_off = false;
    // It is shut off, and its definition has the pins that a plan by this policy gave it: it keeps
    // them where it cannot be served better now.
    bool has_our_pins = false;
    Reasons why; // reasons known before planning (policy source, foreign, held)

    // All that are, or come, online.
    [[nodiscard]] VcpuSet all_online() const { return vcpus_online | floating; }
};

struct DomainPlan {
    DomainUuid uuid;
    std::string name;
    Placement requested = Placement::none;
    // It waits for something before it can start, or would not have this place if it started now;
    // no other domain waits for it. The reasons say why.
    bool awaits = false;
    // The result. `none`: left alone (hands off, foreign, held, broken, or unsatisfiable).
    Placement placement = Placement::none;
    bool satisfied =
        true; // false: it did not get what its policy asked for (exit status 3, Unsatisfiable)
    std::map<VcpuId, CpuSet> vcpus; // online: one CPU each (dedicated) or the pool part (shared);
                                    // offline ones too, pinned in advance to the domain's own CPUs
    VcpuSet online;                 // of `vcpus`: those that are, or come, online
    VcpuSet floating; // of a dedicated domain's `vcpus`: those on the pool, offline ones too
    // The pins from the next start on, if the vCPUs of a shut-off domain then have other numbers.
    // Only for display.
    std::optional<std::map<VcpuId, CpuSet>> at_start;
    CpuSet emulator; // empty only when placement is none
    // Emulator pin of the definition if it differs from the live one (two-phase pin); otherwise
    // absent.
    std::optional<CpuSet> start_emulator;
    std::map<IothreadId, CpuSet> iothreads;
    std::optional<NumaTune> numatune; // absent: leave memory alone
    VcpuSet plug;                     // to be plugged, after they are pinned
    VcpuSet unplug;                   // to be unplugged
    GuestTuning tuning;               // of the definition; where it says `cpus`, those are its pins
    CpuSet claim; // CPUs nobody else may use (dedicated: vCPUs, own extra cores, idle siblings)
    // One that is shut off: what automatic housekeeping keeps once it starts, where that is not
    // Plan::housekeeping. Its claim may be on what that has until then.
    std::optional<CpuSet> housekeeping;
    bool optimal = false; // proven: no placement of this domain, given the others, costs less
    Cost cost;
    Reasons reasons;

    [[nodiscard]] CpuSet vcpu_cpus() const; // that any of `vcpus` is pinned to
    [[nodiscard]] CpuSet own_cpus() const;  // the same without those that are `floating`
};

struct Plan {
    CpuSet usable;
    CpuSet housekeeping;
    CpuSet yielded; // what automatic housekeeping would have, but leaves to dedicated domains
    CpuSet pool;    // usable, not housekeeping, not claimed by an active domain
    std::vector<DomainPlan> domains; // in the order of the intents
    FleetReport fleet;
    std::size_t tidied_vcpus = 0; // of running domains that move for PlanRequest::tidy_vcpus
    std::uint64_t topology_generation = 0;

    [[nodiscard]] const DomainPlan* find(const DomainUuid& uuid) const;
};

} // namespace virtpind
