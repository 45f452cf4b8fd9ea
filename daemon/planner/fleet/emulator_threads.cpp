// SPDX-License-Identifier: LGPL-2.1-or-later
#include "emulator_threads.hpp"

#include <algorithm>
#include <limits>
#include <string>

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

// The words that differ between emulator and I/O threads.
struct Wording {
    const char* threads;
    ReasonCode housekeeping;
    ReasonCode own;
    ReasonCode on_vcpus;
    ReasonCode fixed;
};

constexpr Wording emulator_words{"Emulator threads", ReasonCode::emulator_housekeeping,
                                 ReasonCode::emulator_own, ReasonCode::emulator_on_vcpus,
                                 ReasonCode::emulator_fixed};
constexpr Wording iothread_words{"I/O threads", ReasonCode::iothreads_housekeeping,
                                 ReasonCode::iothreads_own, ReasonCode::iothreads_on_vcpus,
                                 ReasonCode::iothreads_fixed};

struct Chosen {
    CpuSet cpus;
    ReasonCode code{};
    std::string why;
};

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
Chosen choose_automatic(const ThreadsTask& task, const DomainPlan& plan, const Wording& words)
{
    const auto vcpus = plan.vcpu_cpus();
    const auto nodes = task.host.topology->nodes_of(vcpus);
    if (plan.placement == Placement::shared && task.pool.includes(vcpus)) {
        return {vcpus, words.on_vcpus, "they float with its vCPUs"};
    }
    const auto housekeeping = task.host.floatable(task.housekeeping);
    if (housekeeping.intersects(task.host.topology->cpus_of(nodes))) {
        return {nearest_part(task.host, housekeeping, nodes), words.housekeeping,
                "the housekeeping CPUs nearest to its vCPUs"};
    }
    if (const auto near = whole_cores(task.host, task.pool, nodes);
        !housekeeping.empty() && !near.empty()) {
        return {nearest_part(task.host, near, nodes), words.housekeeping,
                "the pool on its node, where there is no housekeeping"};
    }
    if (!housekeeping.empty()) {
        const auto far = nearest_part(task.host, housekeeping, nodes);
        return {far, words.housekeeping,
                "housekeeping on node " + task.host.topology->nodes_of(far).str() +
                    ", the nearest; its own has none"};
    }
    if (!task.pool.empty()) {
        return {nearest_part(task.host, task.pool, nodes), words.housekeeping,
                "the pool near its vCPUs, as there is no housekeeping"};
    }
    return {vcpus, words.on_vcpus,
            "the CPUs of its vCPUs, as there is neither housekeeping nor "
            "a pool"};
}

Chosen choose_threads(const ThreadsTask& task, const DomainPlan& plan, const ThreadChoice& choice,
                      const CpuSet& own, const Wording& words)
{
    const auto fixed = choice.cpus & task.usable;
    if (choice.mode == ThreadChoice::Mode::fixed && !fixed.empty()) {
        return {fixed, words.fixed, "fixed by policy"};
    }
    if (choice.mode == ThreadChoice::Mode::vcpus) {
        const auto cpus = plan.vcpu_cpus();
        return {cpus, words.on_vcpus,
                std::string{"the CPUs of its vCPUs, as the policy asks"} +
                    (task.host.quiet.common(cpus) > 1
                         ? "; the scheduler moves them to none but the first of those that are "
                           "isolated"
                         : "")};
    }
    if (choice.mode == ThreadChoice::Mode::own && !own.empty()) {
        return {own, words.own, "a core of their own"};
    }
    return choose_automatic(task, plan, words);
}

CpuSet add_threads(const ThreadsTask& task, DomainPlan& plan, const ThreadChoice& choice,
                   const CpuSet& own, const Wording& words)
{
    auto chosen = choose_threads(task, plan, choice, own, words);
    plan.reasons.push_back({chosen.code, std::string{words.threads} + " run on " +
                                             chosen.cpus.str() + ": " + chosen.why + "."});
    if (choice.mode == ThreadChoice::Mode::fixed && !choice.cpus.intersects(task.usable)) {
        plan.reasons.push_back(
            {ReasonCode::fixed_cpus_unusable, std::string{words.threads} +
                                                  " are fixed by policy to " + choice.cpus.str() +
                                                  ", none of which may be used on this host now."});
    }
    if (choice.mode == ThreadChoice::Mode::own && own.empty()) {
        plan.reasons.push_back({ReasonCode::own_core_denied,
                                std::string{words.threads} +
                                    " get no core of their own: only a dedicated domain claims "
                                    "CPUs."});
    }
    return chosen.cpus;
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
        plan.reasons.push_back(
            {ReasonCode::emulator_start_pin,
             "The emulator starts on " + start.str() +
                 ", on the L3 of the vCPUs but not among them: they are scheduled in real time and "
                 "would not let it run."});
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
    const auto start = intent.realtime ? beside_realtime(task, plan, l3) : plan.vcpu_cpus() & l3;
    if (start.empty() || start == plan.emulator) {
        return;
    }
    plan.start_emulator = start;
    plan.reasons.push_back(
        {ReasonCode::emulator_start_pin,
         "The definition starts the emulator on " + start.str() +
             ", because the guest is shown the caches of the CPUs QEMU starts on; once started it "
             "moves to " +
             plan.emulator.str() + "."});
}

} // namespace

void plan_threads(const ThreadsTask& task, DomainPlan& plan)
{
    const auto& intent = *task.member.intent;
    plan.emulator =
        add_threads(task, plan, intent.policy.emulator, task.member.emulator_core, emulator_words);
    if (!intent.iothreads.empty()) {
        const auto cpus = add_threads(task, plan, intent.policy.iothreads,
                                      task.member.iothread_core, iothread_words);
        for (const auto iothread : intent.iothreads) {
            plan.iothreads.emplace(iothread, cpus);
        }
    }
    add_start_pin(task, plan);
}

} // namespace virtpind
