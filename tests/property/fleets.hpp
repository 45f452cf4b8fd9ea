// SPDX-License-Identifier: LGPL-2.1-or-later
// Random fleets on random hosts, and their plans in words.
#pragma once

#include "common/model/plan_request.hpp"
#include "generators.hpp"

#include <cstddef>
#include <cstdint>

namespace virtpind::test {

constexpr HostSize fleet_host{.cores_max = 24, .cpus_max = 64};

struct RandomFleet {
    Topology topology;
    PlanRequest request;
};

inline Stance pick_stance()
{
    return pick_one({Stance::managed, Stance::managed, Stance::managed, Stance::managed,
                     Stance::managed, Stance::managed, Stance::hands_off, Stance::foreign,
                     Stance::held, Stance::broken});
}

inline void pick_activity(Intent& intent, const Topology& host)
{
    intent.activity =
        pick_one({Activity::arriving, Activity::arriving, Activity::running, Activity::dormant});
    if (intent.activity == Activity::arriving && intent.stance == Stance::managed) {
        return;
    }
    const auto last = static_cast<std::uint32_t>(host.cpus.size()) - 1;
    for (const auto vcpu : intent.vcpus_online) {
        if (!once_in(4)) {
            intent.current.vcpus[vcpu] = {host.cpus[pick(0, last)].id};
        }
    }
    intent.shut_off = intent.activity == Activity::dormant;
    intent.has_our_pins = intent.shut_off && once_in(2);
    if (once_in(4)) {
        intent.memory_locked = true;
        intent.memory_nodes = {
            host.nodes[pick(0, static_cast<std::uint32_t>(host.nodes.size()) - 1)].id};
    }
}

// Some of its vCPUs have no CPUs of their own.
inline void pick_floating(Intent& intent)
{
    if (intent.stance == Stance::managed && intent.policy.placement == Placement::dedicated) {
        intent.floating = pick_some(intent.vcpus_online, 3);
        intent.floating.erase(intent.vcpus_online.front());
        intent.vcpus_online -= intent.floating;
        intent.policy.dedicated_vcpus = intent.vcpus_online;
    }
}

inline Intent pick_member(const Topology& host, std::size_t number)
{
    auto intent = pick_intent(host, number, 12);
    intent.policy.priority = static_cast<std::int32_t>(pick(0, 2));
    intent.stance = pick_stance();
    if (once_in(4)) {
        intent.policy.placement = Placement::shared;
    }
    if (once_in(4)) {
        intent.policy.emulator.mode = ThreadChoice::Mode::own;
        intent.iothreads = {IothreadId{1}};
    }
    if (once_in(3)) {
        intent.exclusive = {once_in(2) ? "PCI device 0000:01:00.0" : "PCI device 0000:02:00.0"};
    }
    if (once_in(5)) {
        pick_floating(intent);
    }
    pick_memory(intent);
    intent.shut_off = once_in(8); // arriving: what if it started
    pick_activity(intent, host);
    if (intent.stance != Stance::managed && once_in(2)) { // it floats
        for (const auto vcpu : intent.vcpus_online) {
            intent.current.vcpus[vcpu] = pick_some(host.all_cpus(), 2);
            if (intent.current.vcpus[vcpu].empty()) {
                intent.current.vcpus.erase(vcpu);
            }
        }
    }
    return intent;
}

// In place, as the request points into it.
inline void pick_fleet(RandomFleet& fleet)
{
    fleet.topology = pick_host(fleet_host);
    if (once_in(2)) {
        pick_stocks(fleet.topology);
    }
    fleet.request.topology = &fleet.topology;
    const auto domains = pick(1, 8);
    for (std::size_t i = 0; i < domains; ++i) {
        fleet.request.intents.push_back(pick_member(fleet.topology, i));
    }
    if (once_in(3)) {
        fleet.request.usable = fleet.topology.all_cpus() - pick_some(fleet.topology.all_cpus(), 5);
    }
    if (once_in(2)) {
        fleet.request.housekeeping = pick_some(fleet.topology.all_cpus(), 6);
    }
    if (once_in(4)) {
        fleet.topology.isolated = pick_some(fleet.topology.all_cpus(), 2);
    }
    if (once_in(8)) {
        fleet.topology.nohz_full = pick_some(fleet.topology.all_cpus(), 3);
    }
    RC_LOG() << describe(fleet.topology);
    for (const auto& intent : fleet.request.intents) {
        RC_LOG() << describe(intent);
    }
    RC_LOG() << "usable " << (fleet.request.usable ? fleet.request.usable->str() : "all")
             << " housekeeping "
             << (fleet.request.housekeeping ? fleet.request.housekeeping->str() : "auto")
             << " isolated " << fleet.topology.isolated.str() << " nohz_full "
             << fleet.topology.nohz_full.str() << "\n";
}

inline void log_plan(const Plan& plan)
{
    RC_LOG() << "plan: housekeeping " << plan.housekeeping.str() << ", yielded "
             << plan.yielded.str() << "\n";
    for (const auto& domain : plan.domains) {
        auto& log = RC_LOG();
        log << "plan " << domain.name << " placement " << static_cast<int>(domain.placement) << ":";
        for (const auto& [vcpu, pin] : domain.vcpus) {
            log << " " << raw(vcpu) << ":" << pin.str();
        }
        log << " claim " << domain.claim.str();
        log << (domain.numatune ? " memory on " + domain.numatune->nodes.str() : "");
        log << (domain.housekeeping ? " housekeeping " + domain.housekeeping->str() : "") << "\n";
    }
}

} // namespace virtpind::test
