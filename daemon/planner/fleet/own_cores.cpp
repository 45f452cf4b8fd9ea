// SPDX-License-Identifier: LGPL-2.1-or-later
#include "own_cores.hpp"

#include "daemon/planner/place/guest_shape.hpp"

#include <algorithm>
#include <utility>

namespace virtpind {

namespace {

CpuSet cores_of(const HostIndex& host, const VcpuMap& pins)
{
    CpuSet cores;
    for (const auto& [vcpu, cpu] : pins) {
        cores |= host.cores[host.core_at(cpu)].set;
    }
    return cores;
}

// Each vCPU has a whole core of `free`: as it is now, whatever it was when it was placed.
bool has_cores_apart(const HostIndex& host, const VcpuMap& pins, const CpuSet& free)
{
    CpuSet seen;
    return std::all_of(pins.begin(), pins.end(), [&](const auto& pin) {
        const auto& core = host.cores[host.core_at(pin.second)].set;
        const auto alone = !core.intersects(seen) && free.includes(core);
        seen |= core;
        return alone;
    });
}

bool floats(const Member& member)
{
    return is_active(member) && member.role != Member::Role::untouched && !member.placed &&
           (member.role == Member::Role::shared ||
            member.intent->policy.fallback == Fallback::shared);
}

// Whoever floats on the pool finds as many CPUs there as it has vCPUs, or as it found `before`. A
// pool that nobody floats on may become empty where emulator threads have housekeeping to run on.
bool suffices_for_those_that_float(const Fleet& fleet, const CpuSet& before, const CpuSet& pool,
                                   const CpuSet& left)
{
    if (pool.empty() && !before.empty() &&
        (fleet.housekeeping().empty() ||
         std::any_of(fleet.members().begin(), fleet.members().end(), floats))) {
        return false;
    }
    return std::all_of(fleet.members().begin(), fleet.members().end(), [&](const Member& member) {
        return !floats(member) ||
               left.size() >= std::min(member.intent->all_online().size(), before.size());
    });
}

} // namespace

CpuSet cores_of_one_vcpu(const Fleet& fleet)
{
    const auto& host = fleet.host();
    auto left = fleet.free_of_all();
    for (const auto& member : fleet.members()) {
        left -= is_active(member) ? member.claim : CpuSet{};
    }
    CpuSet all;
    for (const auto& member : fleet.members()) {
        if (!member.placed || !is_active(member)) {
            continue;
        }
        const auto& pins = member.placed->pins;
        const auto apart =
            member.intent->policy.smt == SmtChoice::spread ||
            (wishes_own_cores(*member.intent) && has_cores_apart(host, pins, left | member.claim));
        all |= apart ? cores_of(host, pins) : CpuSet{};
    }
    return all;
}

bool give_own_cores(Fleet& fleet, Member& member)
{
    if (!member.placed || !wishes_own_cores(*member.intent) || runs_in_place(member) ||
        member.placed->cost[CostTerm::stacked] == 0) {
        return false;
    }
    auto stacked = member;
    const auto before = fleet.pool();
    fleet.unplace(member);
    member.own_cores = true;
    const auto placed =
        is_active(member)
            ? fleet.place(member, Fleet::Claims::all, Fleet::MoveReason::own)
            : fleet.place_dormant(member) == Fleet::Later::no && member.placed.has_value();
    if (placed && member.placed->cost[CostTerm::stacked] == 0) {
        const auto pool = fleet.pool() - member.claim;
        const auto left =
            pool - cores_of(fleet.host(), member.placed->pins) - cores_of_one_vcpu(fleet);
        if (suffices_for_those_that_float(fleet, before, pool, left)) {
            return true;
        }
    }
    fleet.restore(member, std::move(stacked));
    return false;
}

} // namespace virtpind
