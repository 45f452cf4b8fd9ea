// SPDX-License-Identifier: LGPL-2.1-or-later
// One domain of a plan and the CPUs it claims, while the plan is being made.
#pragma once

#include "common/model/plan_request.hpp"
#include "daemon/planner/place/current_placement.hpp"
#include "daemon/planner/place/placer.hpp"
#include "memory_ledger.hpp"

#include <cstddef>
#include <optional>
#include <vector>

namespace virtpind {

// A running domain that moves although it could stay (tidying.hpp), and why.
struct Tidied {
    std::size_t vcpus = 0;            // that change their CPU
    CpuSet from;                      // CPUs that these leave
    const Intent* for_whom = nullptr; // nullptr: for itself
    Cost before;                      // of that domain
    Cost after;
};

struct Member {
    enum class Role {
        untouched, // not planned; `claim` is what it has all the same
        shared,
        dedicated,
    } role = Role::untouched;

    const Intent* intent = nullptr;
    CpuSet claim; // CPUs nobody else may use; while it is not placed: those its vCPUs have now
    // One that is not planned: CPUs on which so many of its vCPUs float without a claim.
    CpuSet load;
    std::size_t load_vcpus = 0;
    std::vector<std::size_t> exclusive; // Intent::exclusive by number, ascending
    KeptPins kept_pins;                 // of running dedicated domains
    std::optional<Placed> placed;
    CpuSet emulator_core; // its own extra cores, part of `claim`
    CpuSet iothread_core;
    CpuSet others;              // what the others claimed when it was placed
    MemoryLedger::Taken memory; // booked for it: where it is placed, else where it has it
    bool was_moved = false;     // to make room for another
    std::optional<Tidied> tidied;
    bool own_cores = false; // it may have a core for each vCPU: nobody else needs them
    // One that is shut off: what automatic housekeeping keeps once it starts, where that is not
    // what it keeps now.
    std::optional<CpuSet> housekeeping;
};

// One per intent, in their order, with roles and with the claims of those that are not planned.
// Each points at its intent.
[[nodiscard]] std::vector<Member> make_members(const HostIndex& host, const PlanRequest& request,
                                               const CpuSet& usable);

[[nodiscard]] inline bool is_active(const Member& member)
{
    return member.intent->activity != Activity::dormant;
}

[[nodiscard]] inline bool is_running(const Member& member)
{
    return member.intent->activity == Activity::running;
}

// Some thread of an active domain may run on one of `cpus` by its pins.
[[nodiscard]] bool has_pins_on(const Intent& intent, const CpuSet& cpus);

// All its vCPUs are where they may stay.
[[nodiscard]] bool may_keep_all_pins(const Member& member);

// The same of one that runs.
[[nodiscard]] bool runs_in_place(const Member& member);

[[nodiscard]] bool have_common_device(const Member& a, const Member& b);

// They have a device in common, and one of them is shut off.
[[nodiscard]] inline bool never_together(const Member& a, const Member& b)
{
    return (a.intent->shut_off || b.intent->shut_off) && &a != &b && have_common_device(a, b);
}

// CPUs that vCPUs of a running domain have for themselves, as far as they are `free`.
[[nodiscard]] CpuSet current_exclusive_cpus(const HostIndex& host, const Member& member,
                                            const CpuSet& free);

} // namespace virtpind
