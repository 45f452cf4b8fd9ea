// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus_views.hpp"

#include "common/base/printable.hpp"
#include "common/base/version.hpp"
#include "daemon/render/reason_text.hpp"
#include "dbus/errors.hpp"
#include "displacement.hpp"
#include "shortfall.hpp"

#include <algorithm>

namespace virtpind {

namespace {

// A property must stay readable, and a bus message is bounded.
constexpr std::size_t problems_max = 100;
constexpr std::size_t problem_bytes_max = 1024;
constexpr std::size_t holds_shown_max = 256;
constexpr std::size_t reasons_max = 64;

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
std::optional<ProblemView> problem_of(const DomainRecord& record)
{
    const auto shortfall = shortfall_of(record);
    if (!shortfall) {
        return std::nullopt;
    }
    return ProblemView{.code = std::string{bus::error_word(record.error ? record.error->code
                                                                        : Errc::unsatisfiable)},
                       .text = printable(record.seen.facts.name) + ": " +
                               printable(shortfall->text, problem_bytes_max),
                       .domain = record.seen.facts.uuid};
}

std::vector<HoldView> holds_of(const DomainRecord& record)
{
    std::vector<HoldView> holds;
    for (const auto& [cookie, hold] : record.holds) {
        holds.push_back(
            {.uuid = record.seen.facts.uuid, .owner = hold.owner, .reason = hold.reason});
    }
    return holds;
}

// Of a domain itself, highest first.
std::vector<OwnPolicyView> own_policies_of(const DomainRecord& record)
{
    std::vector<OwnPolicyView> own;
    if (record.runtime_policy) {
        own.push_back({.source = std::string{to_string(PolicySource::bus)},
                       .policy = record.runtime_policy->name,
                       .options = record.runtime_policy->options});
    }
    const auto& stored = record.seen.facts.metadata.content;
    if (stored && !*stored) {
        own.push_back({.source = "unreadable", .policy = "", .options = {}});
    } else if (stored) {
        own.push_back({.source = std::string{to_string(PolicySource::metadata)},
                       .policy = (*stored)->name,
                       .options = (*stored)->options});
    }
    return own;
}

std::vector<std::string> shown_names(const std::map<DomainUuid, std::string>& domains)
{
    std::vector<std::string> names;
    for (const auto& [uuid, name] : domains) {
        if (names.size() < displaced_names_max) {
            names.push_back(name);
        }
    }
    return names;
}

// "build, win11 and 3 more", of those that are not as their policies ask.
std::string listed_names(const std::vector<DomainView>& domains)
{
    constexpr std::size_t named_max = 5;
    constexpr std::size_t name_bytes_max = 40;
    std::string names;
    std::size_t count = 0;
    for (const auto& domain : domains) {
        if (!domain.satisfied && ++count <= named_max) {
            names += (count == 1 ? "" : ", ") + printable(domain.name, name_bytes_max);
        }
    }
    return count <= named_max ? names
                              : names + " and " + std::to_string(count - named_max) + " more";
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
    for (const auto& [uuid, record] : input.records) {
        view.isolated_cpus |= cpus_of(record.isolation.held);
    }
    view.policies = input.config.catalog.names();
    view.default_policy = input.config.default_policy;
    for (const auto& [code, text] : input.problems) {
        view.problems.push_back({.code = code, .text = text});
    }
    for (const auto& [uuid, record] : input.records) {
        if (auto problem = problem_of(record); problem && view.problems.size() < problems_max) {
            view.problems.push_back(std::move(*problem));
        }
        for (auto& hold : holds_of(record)) {
            if (view.holds.size() < holds_shown_max) {
                view.holds.push_back(std::move(hold));
            }
        }
    }
    view.state = state_word(input, !view.problems.empty());
    return view;
}

std::string status_text(const ManagerView& manager, const std::vector<DomainView>& domains)
{
    const auto count = [&domains](auto is_one) {
        return std::to_string(std::count_if(domains.begin(), domains.end(), is_one));
    };
    const auto lacking = count([](const DomainView& domain) { return !domain.satisfied; });
    const auto pinned = count([](const DomainView& domain) {
        return domain.pin_state == PinState::pinned && domain.satisfied;
    });
    return manager.state + ", " + std::to_string(domains.size()) + " domains, " + pinned +
           " pinned, " +
           (lacking == "0" ? "" : lacking + " not as asked (" + listed_names(domains) + "), ") +
           std::to_string(manager.problems.size()) + " problems";
}

std::vector<ReasonView> make_reason_views(const DomainRecord& record)
{
    std::vector<ReasonView> views;
    const auto unmet = record.error && record.error->code == Errc::unsatisfiable;
    if (record.error && !unmet) {
        views.push_back({.level = "short",
                         .code = std::string{bus::error_word(record.error->code)},
                         .text = printable(record.error->message, problem_bytes_max)});
    }
    const auto& reasons = record.plan ? record.plan->reasons : record.decision.intent.why;
    const auto satisfied = !record.plan || record.plan->satisfied;
    for (const std::string_view level : {"short", "note", "good"}) {
        for (const auto& reason : reasons) {
            if (level_word(reason, satisfied) == level && views.size() < reasons_max) {
                views.push_back({.level = std::string{level},
                                 .code = std::string{to_string(reason.code)},
                                 .text = reason_text(reason)});
            }
        }
    }
    return views;
}

DomainView make_domain_view(const DomainRecord& record, const Topology* topology, const Plan& plan)
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
    view.own_policies = own_policies_of(record);
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
    if (auto shortfall = shortfall_of(record)) {
        view.satisfied = false;
        view.shortfall = {std::move(shortfall->code), std::move(shortfall->text)};
    }
    view.placement = placement_word(record, plan, topology);
    view.isolated_cpus = cpus_of(record.isolation.held);
    view.holds = holds_of(record);
    view.displaced = shown_names(record.displaced);
    view.displaced_by = shown_names(record.displaced_by);
    return view;
}

} // namespace virtpind
