// SPDX-License-Identifier: LGPL-2.1-or-later
#include "isolation_rules.hpp"

#include <algorithm>
#include <utility>

namespace virtpind {

namespace {

using Refused = std::optional<IsolationAnswer>;

IsolationAnswer refuse(IsolationRefusal why, CpuSet cpus, std::string detail)
{
    return {.refused = why, .cpus = std::move(cpus), .detail = std::move(detail)};
}

// Each thread within its own pins, and no CPU twice.
Refused check_threads(const IsolationRequest& request, const GuestGroups& guest,
                      const IsolationHost& host)
{
    CpuSet seen;
    for (const auto& [name, cpus] : request.threads) {
        if (seen.intersects(cpus)) {
            return refuse(IsolationRefusal::shared_cpus, seen & cpus,
                          name + ": another of its threads has these CPUs");
        }
        seen |= cpus;
        if (!host.online.includes(cpus)) {
            return refuse(IsolationRefusal::outside_pins, cpus - host.online,
                          name + ": these CPUs are not online");
        }
        if (name == idle_thread) {
            continue;
        }
        const auto group = guest.threads.find(name);
        if (group == guest.threads.end()) {
            return refuse(IsolationRefusal::no_thread, {}, name + " has no control group");
        }
        if (!group->second.pins.includes(cpus)) {
            return refuse(
                IsolationRefusal::outside_pins, cpus - group->second.pins,
                name + " is pinned to " +
                    (group->second.pins.empty() ? "no CPUs of its own" : group->second.pins.str()));
        }
    }
    return std::nullopt;
}

// CPUs may stay idle only beside a thread on the same core.
Refused check_idle(const IsolationRequest& request, const IsolationHost& host)
{
    const auto idle = request.threads.find(std::string{idle_thread});
    if (idle == request.threads.end()) {
        return std::nullopt;
    }
    auto used = cpus_of(request.threads);
    used -= idle->second;
    CpuSet siblings;
    for (const auto& core : host.floor.cores) {
        if (core.intersects(used)) {
            siblings |= core;
        }
    }
    if (siblings.includes(idle->second)) {
        return std::nullopt;
    }
    return refuse(IsolationRefusal::not_siblings, idle->second - siblings,
                  "idle: no thread of the guest is on the same core");
}

// Somebody's threads that would have no CPU left of those they are pinned to. The kernel would let
// them run elsewhere, and refuse their pins from then on.
Refused check_pins(const IsolationRequest& request, const IsolationHost& host, const CpuSet& taken)
{
    const auto wanted = cpus_of(request.threads);
    const auto is_lost = [&](const CpuSet& pins) {
        return pins.intersects(wanted) && taken.includes(pins);
    };
    for (const auto& [scope, guest] : host.guests) {
        const auto own = scope == request.scope;
        for (const auto& [name, group] : guest.threads) {
            const auto asked = own && request.threads.contains(name);
            const auto isolated = !own && group.partition != "member";
            if (!asked && !isolated && name != idle_thread && is_lost(group.pins)) {
                return refuse(IsolationRefusal::others_pinned, group.pins,
                              own ? name : name + " of " + scope);
            }
        }
    }
    for (const auto& [name, cpus] : host.others) {
        if (is_lost(cpus)) {
            return refuse(IsolationRefusal::others_pinned, cpus, name);
        }
    }
    return std::nullopt;
}

} // namespace

std::optional<std::string> below_floor(const HostFloor& floor, const CpuSet& left)
{
    const auto has_core = [&](const CpuSet* node) {
        return std::any_of(floor.cores.begin(), floor.cores.end(), [&](const CpuSet& core) {
            return !core.empty() && left.includes(core) && (!node || node->includes(core));
        });
    };
    const auto rest = left.empty() ? std::string{"none"} : left.str();
    if (!has_core(nullptr)) {
        return "no whole core would be left to the host, of its CPUs " + rest;
    }
    for (const auto& node : floor.nodes) {
        if (!node.empty() && !has_core(&node)) {
            return "no whole core of " + node.str() +
                   ", beside devices that the host serves, would be left to it";
        }
    }
    return std::nullopt;
}

CpuSet isolated_cpus_of(const GuestGroups& guest)
{
    CpuSet cpus;
    for (const auto& [name, group] : guest.threads) {
        if (group.partition == "isolated") {
            cpus |= group.exclusive;
        }
    }
    return cpus;
}

std::optional<IsolationAnswer> find_refusal(const IsolationRequest& request,
                                            const IsolationHost& host)
{
    const auto guest = host.guests.find(request.scope);
    if (guest == host.guests.end()) {
        return refuse(IsolationRefusal::no_guest, {}, "");
    }
    if (request.threads.empty()) {
        return std::nullopt;
    }
    const auto wanted = cpus_of(request.threads);
    if (auto refused = check_threads(request, guest->second, host)) {
        return refused;
    }
    if (auto refused = check_idle(request, host)) {
        return refused;
    }
    CpuSet elsewhere = host.isolated - isolated_cpus_of(guest->second);
    for (const auto& [scope, other] : host.guests) {
        if (scope != request.scope) {
            elsewhere |= other.exclusive;
        }
    }
    if (elsewhere.intersects(wanted)) {
        return refuse(IsolationRefusal::others_isolated, elsewhere & wanted, "");
    }
    const auto taken = elsewhere | wanted;
    if (auto refused = check_pins(request, host, taken)) {
        return refused;
    }
    if (auto detail = below_floor(host.floor, host.online - taken)) {
        return refuse(IsolationRefusal::below_floor, wanted, std::move(*detail));
    }
    return std::nullopt;
}

} // namespace virtpind
