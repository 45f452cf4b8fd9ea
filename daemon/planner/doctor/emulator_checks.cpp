// SPDX-License-Identifier: LGPL-2.1-or-later
#include "checks.hpp"
#include "common/base/by_id.hpp"
#include "common/base/messages.hpp"

#include <algorithm>
#include <set>

namespace virtpind {

namespace {

// Siblings of the vCPUs' CPUs that no vCPU has.
CpuSet siblings_beside(const GuestView& guest)
{
    CpuSet siblings;
    for (const auto cpu : guest.own) {
        siblings |= at_id(guest.host->cores, guest.host->cpu(cpu).core).cpus;
    }
    return siblings - guest.own;
}

void check_emulator_place(const GuestView& guest, const CpuSet& siblings, Findings& findings)
{
    const auto online = guest.host->online_cpus();
    if (guest.own.includes(online)) {
        return; // there is no other place, which is a finding of its own
    }
    if (!guest.emulator) {
        // Where as many CPUs are left as the guest has, and the host's first one is among them,
        // the kernel mostly finds an idle one.
        const auto is_crowded =
            2 * guest.own.size() > online.size() || guest.own.contains(online.front());
        findings.add(Check::emu_unpinned,
                     {.evidence = "its vCPUs have " + guest.own.str() +
                                  " to themselves, and QEMU's own threads may run there, too",
                      .automatic = dedicated_fix(),
                      .severity = is_crowded ? Severity::warning : Severity::note});
        return;
    }
    const auto& cpus = *guest.emulator;
    if (const auto both = cpus & guest.own; !both.empty()) {
        // Where it may go elsewhere, the kernel mostly does.
        findings.add(
            Check::emu_on_vcpu_cores,
            {.evidence = "the emulator has " + cpus_text(cpus) +
                         (both == cpus ? ", where vCPUs are" : "; vCPUs are on " + both.str()),
             .automatic = dedicated_fix(),
             .severity = both == cpus ? Severity::warning : Severity::note});
        return;
    }
    if (const auto beside = cpus & siblings; !beside.empty() && beside != cpus) {
        findings.add(Check::emu_half_core, {.evidence = "the emulator may run on " + beside.str() +
                                                        ", siblings of its vCPUs' CPUs",
                                            .automatic = std::nullopt});
    }
}

// Threads of its own that have nothing but siblings of its vCPUs.
void check_siblings(const GuestView& guest, const CpuSet& siblings, Findings& findings)
{
    std::vector<std::string> words;
    if (guest.emulator && !guest.emulator->empty() && siblings.includes(*guest.emulator)) {
        words.push_back("the emulator is on " + guest.emulator->str());
    }
    CpuSet io;
    for (const auto& [id, cpus] : guest.iothreads) {
        if (siblings.includes(cpus)) {
            io |= cpus;
        }
    }
    if (!io.empty()) {
        words.push_back("I/O threads are on " + io.str());
    }
    if (!words.empty()) {
        const auto joined = words.size() > 1 ? words[0] + " and " + words[1] : words[0];
        findings.add(Check::pin_smt_shared_foreign,
                     {.evidence = joined + ", siblings of its vCPUs' CPUs",
                      .automatic = dedicated_fix("smt", std::string{"require"})});
    }
}

void check_iothread_places(const GuestView& guest, Findings& findings)
{
    std::vector<std::string> words;
    for (const auto& [id, cpus] : guest.iothreads) {
        if (!cpus.empty() && guest.own.includes(cpus)) {
            words.push_back("I/O thread " + std::to_string(raw(id)) + " has " + cpus.str());
        }
    }
    if (!words.empty()) {
        findings.add(Check::io_iothread_on_vcpu, {.evidence = some_of(words) + ", where vCPUs are",
                                                  .automatic = dedicated_fix()});
    }
}

void check_emulator_node(const GuestView& guest, const CpuSet& taken, Findings& findings)
{
    const auto& host = *guest.host;
    const auto nodes = host.nodes_of(guest.own);
    if (!are_near(host, host.usable_cpus() - taken, guest.own)) {
        return; // there is no nearer place
    }
    const auto is_far = [&](const CpuSet& cpus) {
        return !cpus.empty() && !are_near(host, cpus, guest.own);
    };
    if (guest.emulator && is_far(*guest.emulator)) {
        findings.add(Check::emu_far, {.evidence = "the emulator is on node " +
                                                  host.nodes_of(*guest.emulator).str() +
                                                  ", and its vCPUs are on " + nodes.str(),
                                      .automatic = dedicated_fix()});
        return;
    }
    for (const auto& [id, cpus] : guest.iothreads) {
        if (is_far(cpus)) {
            findings.add(Check::emu_far, {.evidence = "I/O thread " + std::to_string(raw(id)) +
                                                      " is on node " + host.nodes_of(cpus).str() +
                                                      ", and its vCPUs are on " + nodes.str(),
                                          .automatic = dedicated_fix()});
            return;
        }
    }
}

// What CPUID says of the caches, by the CPUs that it may be read on.
std::set<std::pair<std::uint64_t, KindIndex>> caches_of(const Topology& host, const CpuSet& cpus)
{
    std::set<std::pair<std::uint64_t, KindIndex>> caches;
    for (const auto id : cpus) {
        const auto& cpu = host.cpu(id);
        caches.insert({at_id(host.l3s, cpu.l3).size_bytes, cpu.kind});
    }
    return caches;
}

// libvirt starts QEMU on the emulator's CPUs, and each vCPU reads CPUID before it is pinned.
void check_cpuid_source(const GuestView& guest, Findings& findings)
{
    if (guest.details == nullptr || guest.details->cache_mode != "passthrough" || !guest.pinned) {
        return;
    }
    const auto& host = *guest.host;
    auto pins = guest.seen->definition_pins().value_or(guest.pins);
    const auto start = (pins.emulator ? *pins.emulator : host.online_cpus()) & host.online_cpus();
    const auto of_vcpus = caches_of(host, guest.own);
    if (of_vcpus.size() == 1 && !start.empty() && caches_of(host, start) != of_vcpus) {
        findings.add(
            Check::emu_cpuid_source,
            {.evidence = "QEMU starts on " + (pins.emulator ? cpus_text(start) : "any CPU") +
                         ", whose caches or cores are not those of " + guest.own.str(),
             .automatic = tune_fix("tune", std::vector<std::string>{"cache-passthrough"})});
    }
}

void check_iothread_use(const GuestView& guest, Findings& findings)
{
    const auto& ids = guest.seen->boot_iothreads();
    const std::set<IothreadId> there{ids.begin(), ids.end()};
    std::vector<std::string> missing;
    const auto pins = guest.seen->definition_pins().value_or(guest.pins);
    for (const auto& [id, cpus] : pins.iothreads) {
        if (!there.contains(id)) {
            missing.push_back("a pin is for I/O thread " + std::to_string(raw(id)));
        }
    }
    const auto& details = *guest.details;
    for (const auto id : details.iothreads_in_use) {
        if (!there.contains(id)) {
            missing.push_back("a disk names I/O thread " + std::to_string(raw(id)));
        }
    }
    if (!missing.empty()) {
        findings.add(Check::io_iothread_missing,
                     {.evidence = some_of(missing) + ", and the guest has " +
                                  pluralize(there.size(), "I/O thread")});
    }
    std::vector<std::string> unused;
    for (const auto id : there) {
        if (!details.iothreads_in_use.contains(id)) {
            unused.push_back(std::to_string(raw(id)));
        }
    }
    // Without any disk it is no whole definition.
    const auto has_disks = !details.without_iothread.empty() || !details.iothreads_in_use.empty();
    if (!unused.empty() && has_disks) {
        findings.add(Check::io_iothread_unused,
                     {.evidence = "no disk or controller names I/O " +
                                  std::string{unused.size() == 1 ? "thread " : "threads "} +
                                  some_of(unused, 8)});
    }
    // One disk has the main thread to itself, mostly.
    if (there.empty() && details.without_iothread.size() > 1 && guest.pinned &&
        guest.has_devices()) {
        findings.add(Check::io_no_iothread,
                     {.evidence = some_of(details.without_iothread) +
                                  pluralize(details.without_iothread.size(), " has", " have") +
                                  " no I/O thread"});
    }
}

} // namespace

void check_emulator(const GuestView& guest, const CpuSet& taken, Findings& findings)
{
    if (guest.pinned && !guest.placed) {
        const auto siblings = siblings_beside(guest);
        check_emulator_place(guest, siblings, findings);
        check_siblings(guest, siblings, findings);
        check_iothread_places(guest, findings);
        check_emulator_node(guest, taken, findings);
    }
    check_cpuid_source(guest, findings);
    if (guest.details != nullptr) {
        check_iothread_use(guest, findings);
    }
}

} // namespace virtpind
