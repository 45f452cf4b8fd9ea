// SPDX-License-Identifier: LGPL-2.1-or-later
#include "isolation_wish.hpp"

#include "common/base/printable.hpp"
#include "daemon/planner/intent_devices.hpp"

#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace virtpind {

namespace {

constexpr std::size_t named_max = 5; // in a sentence

std::string thread_name(VcpuId vcpu)
{
    return "vcpu" + std::to_string(raw(vcpu));
}

std::string thread_name(IothreadId iothread)
{
    return "iothread" + std::to_string(raw(iothread));
}

bool is_own(const ThreadChoice& choice)
{
    return choice.mode == ThreadChoice::Mode::own;
}

// The emulator and the I/O threads where they have CPUs of their own.
IsolatedThreads own_threads(const DomainPlan& plan, const Policy& policy)
{
    IsolatedThreads candidates;
    if (is_own(policy.emulator)) {
        candidates.emplace("emulator", plan.emulator);
    }
    if (is_own(policy.iothreads)) {
        for (const auto& [iothread, cpus] : plan.iothreads) {
            candidates.emplace(thread_name(iothread), cpus);
        }
    }
    return candidates;
}

// Threads that share CPUs cannot each have a partition.
bool meets_another(const IsolatedThreads& threads, const std::string& name, const CpuSet& cpus)
{
    return std::any_of(threads.begin(), threads.end(), [&](const auto& other) {
        return other.first != name && other.second.intersects(cpus);
    });
}

std::string thread_of(const LiveAction& action)
{
    if (const auto* vcpu = std::get_if<PinVcpu>(&action)) {
        return thread_name(vcpu->vcpu);
    }
    if (const auto* iothread = std::get_if<PinIothread>(&action)) {
        return thread_name(iothread->iothread);
    }
    return std::holds_alternative<PinEmulator>(action) ? "emulator" : "";
}

std::span<const LiveAction> live_changes(const DomainActions* actions)
{
    return actions != nullptr ? std::span<const LiveAction>{actions->live}
                              : std::span<const LiveAction>{};
}

// Where the threads of a domain begin at its next start.
std::vector<CpuSet> start_pins(const DomainRecord& record)
{
    std::vector<CpuSet> pins;
    if (!record.seen.definition || record.seen.facts.active()) {
        return pins; // what runs is among the control groups
    }
    const auto& defined = record.seen.definition->pins;
    for (const auto& [vcpu, cpus] : defined.vcpus) {
        pins.push_back(cpus);
    }
    for (const auto& [iothread, cpus] : defined.iothreads) {
        pins.push_back(cpus);
    }
    for (const auto& general : {defined.emulator, defined.vcpu_cpuset}) {
        if (general) {
            pins.push_back(*general);
        }
    }
    return pins;
}

// Whether all of it that is online would be gone, by what is asked for now.
bool is_lost(const CpuSet& pins, const CpuSet& wanted, const CpuSet& taken, const CpuSet& online)
{
    return pins.intersects(wanted) && taken.includes(pins & online);
}

Reason not_isolated(ReasonPhrase why, ReasonArguments arguments = {})
{
    arguments.push_back({"why", why});
    return {ReasonCode::cpus_not_isolated, std::move(arguments)};
}

// Domains that are shut off, and units, that could not start any more.
std::optional<Reason> find_barred(const DomainRecord& record, const CpuSet& wanted,
                                  const IsolationView& view, const Records& records)
{
    const auto taken = view.host.isolated | wanted;
    const auto& online = view.host.online;
    DomainsOnCpus guests;
    for (const auto& [uuid, other] : records) {
        // It cannot start in any case while this one has the device of both.
        if (share_a_device(record.decision.intent, other.decision.intent)) {
            continue;
        }
        const auto pins = start_pins(other);
        const auto lost = std::find_if(pins.begin(), pins.end(), [&](const CpuSet& cpus) {
            return is_lost(cpus, wanted, taken, online);
        });
        if (uuid != record.seen.facts.uuid && lost != pins.end() && guests.size() < named_max) {
            guests.push_back({.name = printable(other.seen.facts.name), .cpus = *lost});
        }
    }
    if (!guests.empty()) {
        return not_isolated(ReasonPhrase::no_isolation_guests, {{"guests", std::move(guests)}});
    }
    DomainsOnCpus units;
    for (const auto& unit : view.units) {
        if (is_lost(unit.cpus, wanted, taken, online) && units.size() < named_max) {
            units.push_back({.name = printable(unit.unit), .cpus = unit.cpus});
        }
    }
    if (!units.empty()) {
        return not_isolated(ReasonPhrase::no_isolation_units, {{"owners", std::move(units)}});
    }
    return std::nullopt;
}

} // namespace

IsolateChoice asked_isolation(const DomainRecord& record)
{
    return record.decision.policy.policy.isolate;
}

bool wants_isolation(const DomainRecord& record)
{
    return may_change_isolation(record) && asked_isolation(record) != IsolateChoice::no &&
           !record.decision.restore && record.plan &&
           record.plan->placement == Placement::dedicated;
}

bool may_change_isolation(const DomainRecord& record)
{
    const auto stance = record.decision.stance;
    return record.seen.facts.active() && !record.deferred && !record.seen.facts.job_active &&
           (record.decision.restore || stance == Stance::managed);
}

IsolatedThreads wanted_threads(const DomainRecord& record, const Topology& topology)
{
    const auto& plan = *record.plan;
    const auto& policy = record.decision.policy.policy;
    IsolatedThreads threads;
    for (const auto vcpu : plan.online - plan.floating) {
        const auto pin = plan.vcpus.find(vcpu);
        if (pin != plan.vcpus.end() && pin->second.has_one()) {
            threads.emplace(thread_name(vcpu), pin->second);
        }
    }
    const auto extra = own_threads(plan, policy);
    for (const auto& [name, cpus] : extra) {
        if (!cpus.empty() && !meets_another(extra, name, cpus) &&
            !meets_another(threads, name, cpus)) {
            threads.emplace(name, cpus);
        }
    }
    if (policy.smt != SmtChoice::isolate) {
        return threads;
    }
    auto used = plan.emulator | plan.own_cpus();
    for (const auto& [iothread, cpus] : plan.iothreads) {
        used |= cpus;
    }
    const auto own = cpus_of(threads);
    CpuSet idle;
    for (const auto& core : topology.cores) {
        if (core.cpus.intersects(own)) {
            idle |= core.cpus;
        }
    }
    idle = (idle & plan.claim & topology.online_cpus()) - used;
    if (!idle.empty()) {
        threads.emplace(std::string{idle_thread}, std::move(idle));
    }
    return threads;
}

IsolatedThreads kept_threads(const DomainRecord& record, const IsolatedThreads& held,
                             const DomainActions* actions, const Topology& topology)
{
    if (!wants_isolation(record)) {
        return {};
    }
    auto kept = held;
    const auto wanted = wanted_threads(record, topology);
    std::erase_if(kept, [&wanted](const auto& thread) {
        const auto asked = wanted.find(thread.first);
        return asked == wanted.end() || asked->second != thread.second;
    });
    for (const auto& action : live_changes(actions)) {
        kept.erase(thread_of(action));
        if (const auto* unplugged = std::get_if<UnplugVcpu>(&action)) {
            kept.erase(thread_name(unplugged->vcpu));
        }
    }
    return kept;
}

std::optional<Error> find_still_isolated(const DomainRecord& record, const DomainActions* actions)
{
    const auto& isolation = record.isolation;
    const auto& held = isolation.held;
    const auto error = [](const std::string& what) {
        return Error{.code = Errc::apply_failed,
                     .message = what + "; systemctl enable --now virtpind-isolate.socket lets it"};
    };
    for (const auto& action : live_changes(actions)) {
        if (held.contains(thread_of(action))) {
            return error(thread_of(action) +
                         " has its CPU to itself, and virtpind-isolate did not end that, so "
                         "nothing of the domain is moved");
        }
    }
    const auto stays = !held.empty() || isolation.broken;
    if (!stays || wants_isolation(record) || !may_change_isolation(record)) {
        return std::nullopt;
    }
    const auto cpus = cpus_of(held);
    return error("the domain is to share its CPUs" + (cpus.empty() ? "" : " (" + cpus.str() + ")") +
                 " again, and virtpind-isolate did not end that they are its own alone");
}

std::optional<Reason> find_isolation_obstacle(const DomainRecord& record,
                                              const IsolatedThreads& wanted,
                                              const IsolationView& view, const Records& records,
                                              const Topology& topology)
{
    if (view.lacks) {
        return isolation_reason(*view.lacks);
    }
    const auto scope = view.scopes.find(record.seen.facts.uuid);
    if (scope == view.scopes.end()) {
        return not_isolated(ReasonPhrase::no_isolation_group);
    }
    const auto cpus = cpus_of(wanted);
    if (cpus.intersects(topology.isolated)) {
        return not_isolated(ReasonPhrase::no_isolation_boot, {{"cpus", cpus & topology.isolated}});
    }
    if (auto barred = find_barred(record, cpus, view, records)) {
        return barred;
    }
    const auto refused = find_refusal({.scope = scope->second, .threads = wanted}, view.host);
    return refused ? std::optional{isolation_reason(*refused)} : std::nullopt;
}

Reason isolation_reason(const IsolationAnswer& refused)
{
    ReasonArguments arguments{
        {"error", refused.detail.empty() ? std::string{"no detail"} : refused.detail}};
    if (!refused.cpus.empty()) {
        arguments.push_back({"cpus", refused.cpus});
    }
    using enum IsolationRefusal;
    auto why = ReasonPhrase::no_isolation_failed;
    switch (refused.refused.value_or(failed)) {
    case no_helper:
        why = ReasonPhrase::no_isolation_helper;
        break;
    case no_kernel:
        why = ReasonPhrase::no_isolation_kernel;
        break;
    case no_cpuset:
        why = ReasonPhrase::no_isolation_cpuset;
        break;
    case no_guest:
        why = ReasonPhrase::no_isolation_group;
        break;
    case others_isolated:
        why = ReasonPhrase::no_isolation_others;
        break;
    case others_pinned: // "emulator", or "vcpu0 of SCOPE"
        why = is_isolated_thread(refused.detail) ? ReasonPhrase::no_isolation_threads
                                                 : ReasonPhrase::no_isolation_pinned;
        break;
    case below_floor:
        why = ReasonPhrase::no_isolation_floor;
        break;
    case bad_request:
        why = ReasonPhrase::no_isolation_version;
        break;
    case no_thread:
    case outside_pins:
    case shared_cpus:
    case not_siblings:
        why = ReasonPhrase::no_isolation_change;
        break;
    case kernel_refused:
        why = ReasonPhrase::no_isolation_refused;
        break;
    case busy:
        why = ReasonPhrase::no_isolation_busy;
        break;
    case failed:
        break;
    }
    return not_isolated(why, std::move(arguments));
}

Reason nobody_isolates()
{
    return not_isolated(ReasonPhrase::no_isolation_topology);
}

void tell_isolation(DomainRecord& record, NodesForgotten forgotten)
{
    auto& plan = *record.plan;
    const auto& obstacle = record.isolation.obstacle;
    const auto isolated = cpus_of(record.isolation.held);
    std::erase_if(plan.reasons, [](const Reason& reason) {
        return reason.code == ReasonCode::cpus_isolated ||
               reason.code == ReasonCode::cpus_not_isolated ||
               reason.code == ReasonCode::isolation_left_out ||
               reason.code == ReasonCode::nodes_forgotten;
    });
    if (obstacle && asked_isolation(record) == IsolateChoice::automatic) {
        plan.reasons.push_back({ReasonCode::isolation_left_out, obstacle->arguments});
    } else if (obstacle) {
        plan.satisfied = false;
        plan.reasons.push_back(*obstacle);
    } else if (!isolated.empty()) {
        plan.reasons.push_back({ReasonCode::cpus_isolated, {{"cpus", isolated}}});
        if (forgotten == NodesForgotten::yes) {
            plan.reasons.push_back({ReasonCode::nodes_forgotten, {}});
        }
    }
}

} // namespace virtpind
