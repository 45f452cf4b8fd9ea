// SPDX-License-Identifier: LGPL-2.1-or-later
#include "emulator_threads.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace virtpind {

namespace {

// The CPUs of `from` on the domain's nodes, else on the nearest node that has any; efficiency
// cores where there are some.
CpuSet nearest_part(const HostIndex& host, const CpuSet& from, const NodeSet& nodes)
{
    auto near = from & host.topology->cpus_of(nodes);
    if (near.empty()) {
        auto nearest = std::numeric_limits<std::uint32_t>::max();
        for (std::uint32_t node = 0; node < host.node_cpus.size(); ++node) {
            const auto distance = host.distance_to(NodeIndex{node}, nodes);
            if (distance < nearest && from.intersects(host.node_cpus[node])) {
                nearest = distance;
                near = from & host.node_cpus[node];
            }
        }
    }
    for (const auto& kind : host.topology->kinds) {
        if (kind.core_class == CoreClass::efficiency && kind.cpus.intersects(near)) {
            return near & kind.cpus;
        }
    }
    return near;
}

// What differs between emulator and I/O threads.
struct ThreadKind {
    ReasonPhrase threads;
    ReasonCode housekeeping;
    ReasonCode own;
    ReasonCode on_vcpus;
    ReasonCode fixed;
};

constexpr ThreadKind emulator_kind{ReasonPhrase::emulator_threads,
                                   ReasonCode::emulator_housekeeping, ReasonCode::emulator_own,
                                   ReasonCode::emulator_on_vcpus, ReasonCode::emulator_fixed};
constexpr ThreadKind iothread_kind{ReasonPhrase::io_threads, ReasonCode::iothreads_housekeeping,
                                   ReasonCode::iothreads_own, ReasonCode::iothreads_on_vcpus,
                                   ReasonCode::iothreads_fixed};

struct Chosen {
    CpuSet cpus;
    Reason why;
};

Chosen chosen(ReasonCode code, const CpuSet& cpus, ReasonArguments arguments)
{
    arguments.push_back({"cpus", cpus});
    return {cpus, {code, std::move(arguments)}};
}

// Whole cores of the pool there: on half a core they would disturb whoever has the other half.
CpuSet whole_cores(const HostIndex& host, const CpuSet& pool, const NodeSet& nodes)
{
    CpuSet whole;
    for (const auto& core : host.cores) {
        if (nodes.contains(host.node_id(core.node)) && pool.includes(core.set)) {
            whole |= core.set;
        }
    }
    return whole;
}

// Housekeeping on the domain's nodes; else, rather than away from its memory, what nobody claims
// there. Threads of one that floats float with it: few housekeeping CPUs would have to serve all of
// those.
Chosen choose_automatic(const ThreadsTask& task, const DomainPlan& plan, const ThreadKind& kind)
{
    using enum ReasonPhrase;
    const auto vcpus = plan.vcpu_cpus();
    const auto& topology = *task.host.topology;
    const auto nodes = topology.nodes_of(plan.own_cpus());
    if (plan.placement == Placement::shared && task.pool.includes(vcpus)) {
        return chosen(kind.on_vcpus, vcpus, {{"why", with_the_vcpus}});
    }
    const auto housekeeping = task.host.floatable(task.housekeeping);
    if (housekeeping.intersects(topology.cpus_of(task.host.near_all(nodes)))) {
        return chosen(kind.housekeeping, nearest_part(task.host, housekeeping, nodes),
                      {{"why", nearest_housekeeping}});
    }
    if (const auto near = whole_cores(task.host, task.pool, nodes);
        !housekeeping.empty() && !near.empty()) {
        return chosen(kind.housekeeping, nearest_part(task.host, near, nodes),
                      {{"why", pool_without_housekeeping_near}});
    }
    if (!housekeeping.empty()) {
        const auto far = nearest_part(task.host, housekeeping, nodes);
        return chosen(kind.housekeeping, far,
                      {{"why", housekeeping_elsewhere}, {"nodes", topology.nodes_of(far)}});
    }
    if (!task.pool.empty()) {
        return chosen(kind.housekeeping, nearest_part(task.host, task.pool, nodes),
                      {{"why", pool_without_housekeeping}});
    }
    return chosen(kind.on_vcpus, vcpus, {{"why", vcpus_without_others}});
}

Chosen choose_threads(const ThreadsTask& task, const DomainPlan& plan, const ThreadChoice& choice,
                      const CpuSet& own, const ThreadKind& kind)
{
    const auto fixed = choice.cpus & task.usable;
    if (choice.mode == ThreadChoice::Mode::fixed && !fixed.empty()) {
        return chosen(kind.fixed, fixed, {});
    }
    if (choice.mode == ThreadChoice::Mode::vcpus) {
        const auto cpus = plan.vcpu_cpus();
        return chosen(kind.on_vcpus, cpus,
                      {{"why", ReasonPhrase::vcpus_as_asked},
                       {"isolated", task.host.quiet.common(cpus) > 1}});
    }
    if (choice.mode == ThreadChoice::Mode::own && !own.empty()) {
        return chosen(kind.own, own, {});
    }
    return choose_automatic(task, plan, kind);
}

CpuSet add_threads(const ThreadsTask& task, DomainPlan& plan, const ThreadChoice& choice,
                   const CpuSet& own, const ThreadKind& kind)
{
    auto [cpus, why] = choose_threads(task, plan, choice, own, kind);
    plan.reasons.push_back(std::move(why));
    if (choice.mode == ThreadChoice::Mode::fixed && !choice.cpus.intersects(task.usable)) {
        plan.reasons.push_back(
            {ReasonCode::fixed_cpus_unusable, {{"threads", kind.threads}, {"cpus", choice.cpus}}});
    }
    if (choice.mode == ThreadChoice::Mode::own && own.empty()) {
        plan.reasons.push_back({ReasonCode::own_core_denied, {{"threads", kind.threads}}});
    }
    return cpus;
}

bool unlike_caches(const Topology& topology)
{
    return topology.is_hybrid() ||
           std::any_of(topology.l3s.begin(), topology.l3s.end(), [&topology](const L3& l3) {
               return l3.size_bytes != topology.l3s.front().size_bytes;
           });
}

// CPUs of the L3 for QEMU to start on where the vCPUs are scheduled in real time: among them its
// main thread could wait for good. Empty: there are none.
CpuSet beside_realtime(const ThreadsTask& task, DomainPlan& plan, const CpuSet& l3)
{
    auto start = plan.emulator & l3;
    if (start.empty()) {
        start = ((task.housekeeping | task.pool) & l3) - plan.claim - plan.vcpu_cpus();
    }
    if (!start.empty()) {
        plan.reasons.push_back({ReasonCode::emulator_start_pin, {{"start", start}}});
    }
    return start;
}

// QEMU reads the host's cache description while it still runs where the definition puts the
// emulator, so that must be the domain's own L3 and kind.
void add_start_pin(const ThreadsTask& task, DomainPlan& plan)
{
    const auto& intent = *task.member.intent;
    if (plan.placement != Placement::dedicated ||
        !intent.policy.tune.contains(Tune::cache_passthrough) ||
        !unlike_caches(*task.host.topology)) {
        return;
    }
    const auto first = plan.vcpus.at(intent.vcpus_online.front()).front();
    const auto& l3 = at_id(task.host.l3_cpus, task.host.cpu(first).l3);
    const auto start = intent.realtime ? beside_realtime(task, plan, l3) : plan.own_cpus() & l3;
    if (start.empty() || start == plan.emulator) {
        return;
    }
    plan.start_emulator = start;
    plan.reasons.push_back(
        {ReasonCode::emulator_start_pin, {{"start", start}, {"emulator", plan.emulator}}});
}

} // namespace

void plan_threads(const ThreadsTask& task, DomainPlan& plan)
{
    const auto& intent = *task.member.intent;
    plan.emulator =
        add_threads(task, plan, intent.policy.emulator, task.member.emulator_core, emulator_kind);
    if (!intent.iothreads.empty()) {
        const auto cpus = add_threads(task, plan, intent.policy.iothreads,
                                      task.member.iothread_core, iothread_kind);
        for (const auto iothread : intent.iothreads) {
            plan.iothreads.emplace(iothread, cpus);
        }
    }
    add_start_pin(task, plan);
}

} // namespace virtpind
