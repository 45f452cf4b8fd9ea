// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus_views.hpp"

#include "common/base/printable.hpp"
#include "common/base/version.hpp"
#include "daemon/render/reason_text.hpp"
#include "dbus/errors.hpp"

#include <algorithm>

namespace virtpind {

namespace {

// A property must stay readable, and a bus message is bounded.
constexpr std::size_t problems_max = 100;

std::string state_word(const ManagerViewInput& input, bool has_problems)
{
    switch (input.phase) {
    case ServicePhase::starting:
        return "starting";
    case ServicePhase::stopping:
        return "stopping";
    case ServicePhase::running:
        break;
    }
    if (input.connection == nullptr) {
        return "disconnected";
    }
    return has_problems ? "degraded" : "ready";
}

// What a domain's owner should look at.
std::optional<std::pair<std::string, std::string>> problem_of(const DomainRecord& record)
{
    const auto who = printable(record.seen.facts.name) + ": ";
    if (record.error) {
        return std::pair{std::string{bus::error_word(record.error->code)},
                         who + printable(record.error->message, 1024)};
    }
    if (record.plan && !record.plan->satisfied &&
        (record.seen.facts.active() || asks_for_elsewhere(record.plan->reasons))) {
        const auto* why = main_shortfall(record.plan->reasons);
        return std::pair{
            std::string{"Unsatisfiable"},
            who + (why != nullptr ? reason_text(*why) : "does not get what its policy asks for")};
    }
    return std::nullopt;
}

CpuSet in_force(const std::optional<CpuSet>& own, const PinSet& pins, const CpuSet& online)
{
    return own ? *own : pins.vcpu_cpuset ? *pins.vcpu_cpuset : online;
}

template <class Id>
std::optional<CpuSet> own_pin(const std::map<Id, CpuSet>& pins, Id id)
{
    const auto at = pins.find(id);
    return at != pins.end() ? std::optional{at->second} : std::nullopt;
}

// Of the whole guest and of its cells; empty: its memory may be anywhere.
NodeSet bound_nodes(const std::optional<NumaTune>& numatune)
{
    if (!numatune) {
        return {};
    }
    auto nodes = numatune->nodes;
    for (const auto& [cell, own] : numatune->cells) {
        nodes |= own;
    }
    return nodes;
}

} // namespace

ManagerView make_manager_view(const ManagerViewInput& input)
{
    ManagerView view;
    view.version = version;
    view.libvirt_uri = input.connection != nullptr ? input.connection->uri : "";
    if (input.topology != nullptr) {
        view.online_cpus = input.topology->online_cpus();
        view.topology_generation = input.topology->generation;
    }
    view.housekeeping_cpus = input.plan.housekeeping;
    view.pool_cpus = input.plan.pool;
    view.policies = input.config.catalog.names();
    view.default_policy = input.config.default_policy;
    view.problems.assign(input.problems.begin(), input.problems.end());
    for (const auto& [uuid, record] : input.records) {
        if (auto problem = problem_of(record); problem && view.problems.size() < problems_max) {
            view.problems.push_back(std::move(*problem));
        }
    }
    view.state = state_word(input, !view.problems.empty());
    return view;
}

DomainView make_domain_view(const DomainRecord& record, const Topology* topology)
{
    const auto& facts = record.seen.facts;
    const auto online = topology != nullptr ? topology->online_cpus() : CpuSet{};
    const auto pins = record.seen.pins_in_force();

    DomainView view;
    view.uuid = facts.uuid;
    view.name = printable(facts.name);
    view.run_state = to_string(facts.state);
    view.policy = record.decision.policy.policy.name;
    view.policy_source = to_string(record.decision.policy.source);
    view.policy_options = record.decision.policy.options;
    view.generation = record.generation;
    view.pin_state = record.state;
    for (const auto vcpu : facts.vcpus_online) {
        view.vcpu_pins.emplace(vcpu, in_force(own_pin(pins.vcpus, vcpu), pins, online));
    }
    view.emulator_cpus = in_force(pins.emulator, pins, online);
    for (const auto id : facts.iothreads) {
        view.iothread_pins.emplace(id, in_force(own_pin(pins.iothreads, id), pins, online));
    }
    view.numa_nodes = bound_nodes(pins.numatune);
    if (record.error) {
        view.last_error = {std::string{bus::error_word(record.error->code)},
                           printable(record.error->message, 4096)};
    }
    view.last_applied_usec = record.last_applied_usec;
    return view;
}

} // namespace virtpind
