// SPDX-License-Identifier: LGPL-2.1-or-later
// Everything the daemon remembers of one domain between passes. Main thread only.
#pragma once

#include "common/isolation/isolation_answer.hpp"
#include "common/isolation/isolation_request.hpp"
#include "common/model/action.hpp"
#include "common/model/control_port.hpp"
#include "common/model/plan.hpp"
#include "daemon/planner/intents.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace virtpind {

// One line of a domain's history: what a pass did, for Explain.
struct HistoryEntry {
    std::uint64_t pass = 0;
    std::uint64_t realtime_usec = 0;
    std::string what;
};

struct Hold {
    std::string reason;
    std::string owner; // unique bus name
};

// The policy of this run of the daemon ends when its caller leaves the bus.
struct LentPolicy {
    std::string owner;                // unique bus name
    std::optional<PolicySpec> before; // the one that comes back then
};

// What is known of the CPUs that a run of a domain has to itself.
struct GuestIsolation {
    std::string scope;              // its control group; empty: it has none, or nobody looked
    IsolatedThreads held;           // whose partitions hold
    bool broken = false;            // something else is left of one
    std::optional<Reason> obstacle; // why it has not what it wants
    // The last request that was refused, and how.
    IsolationRequest refused_request;
    std::optional<IsolationAnswer> refused;
};

// Why a run of a domain is where it was tidied to, for as long as it is there.
struct TidiedPlace {
    Reason why;
    std::optional<int> id; // the run
    std::map<VcpuId, CpuSet> vcpus;
};

struct DomainRecord {
    // Grows with every policy change; starts anew with the daemon.
    std::uint64_t generation = 1;
    std::optional<PolicySpec> runtime_policy;
    std::optional<LentPolicy> lent;       // runtime_policy is
    std::uint64_t runtime_generation = 0; // that set it, or took it away
    // Policies on their way into the metadata, which does not show them yet: the controller's
    // numbers.
    std::set<std::uint64_t> storing;
    std::optional<BeforeImage> before;
    bool unsaved = false; // what is known of `before` is not on disk
    // Somebody edited the definition after the before-image was made and before anything of it was
    // ours: that is how it was before.
    bool image_stale = false;
    std::optional<DefinitionWrite> last_write; // into its definition
    // The latest change that would alter nothing, and sentences on what libvirt does not keep of
    // the one that is wanted now.
    std::optional<IdleChange> idle;
    std::vector<std::string> not_kept;
    std::map<std::uint64_t, Hold> holds; // by cookie
    std::optional<int> deferred_id;      // DEFER: this run is left as it is
    std::optional<int> placed_id;        // the run whose pins were last verified,
    std::optional<Policy> placed_policy; // and by which policy

    VcpuSet kept_plugged;       // that the guest did not give back,
    std::optional<int> kept_id; // in that run

    // Of the latest pass.
    ObservedDomain seen;
    Decision decision;
    std::optional<DomainPlan> plan;
    std::optional<TidiedPlace> tidied;
    GuestIsolation isolation;
    std::string busy;      // with which libvirt kept it from being changed: "migrated"
    bool deferred = false; // it left the running domain as it is
    PinState state = PinState::idle;
    std::optional<Error> error;
    bool lacking = false; // it runs without all that its policy asks for, which has been logged
    std::uint64_t last_applied_usec = 0; // CLOCK_REALTIME
    // Those that run without what their policies ask for since this domain has their CPUs, by
    // printable name; the names of those that its next verdict tells of; and those that
    // have displaced it.
    std::map<DomainUuid, std::string> displaced;
    std::vector<std::string> newly_displaced;
    std::map<DomainUuid, std::string> displaced_by;
    std::deque<HistoryEntry> history; // newest last, at most history_max

    // Failed attempts in a row, and when the next one is due.
    unsigned failures = 0;
    // Times in a row that it was restarted or edited in the middle of a pass.
    unsigned conflicts_in_a_row = 0;
    std::chrono::steady_clock::time_point retry_at{};
    // Changes towards the same pins as were last verified are repairs; a plan that differs (of
    // another policy, of a host that changed) is none.
    PinSet verified_pins;
    // Repairs in a row that each followed closely on the last: a quarrel with somebody else.
    unsigned repairs = 0;
    std::chrono::steady_clock::time_point repaired_at{};

    // No attempt has failed, and the next one is not to wait.
    void forget_failures() noexcept
    {
        failures = 0;
        retry_now();
    }

    void retry_now() noexcept { retry_at = {}; }

    // It is in the run `id` (none while it is shut off), with these vCPUs online: what is
    // remembered of another run ends.
    void forget_other_runs(std::optional<int> id, const VcpuSet& online);

    static constexpr std::size_t history_max = 16;
    static constexpr std::size_t history_bytes_max = 4096; // of one entry
    static constexpr std::size_t holds_max = 8;
};

using Records = std::map<DomainUuid, DomainRecord>;

// nullptr where there is none; `records` is Records or const Records.
template <class AnyRecords>
[[nodiscard]] auto* find_record(AnyRecords& records, const DomainUuid& uuid)
{
    const auto at = records.find(uuid);
    return at != records.end() ? &at->second : nullptr;
}

} // namespace virtpind
