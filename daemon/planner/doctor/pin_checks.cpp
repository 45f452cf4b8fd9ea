// SPDX-License-Identifier: LGPL-2.1-or-later
#include "checks.hpp"
#include "common/base/by_id.hpp"
#include "common/base/messages.hpp"

#include <algorithm>
#include <set>

namespace virtpind {

namespace {

// "0,16; 1,17": what the threads of some cores are here.
std::string siblings_here(const Topology& host)
{
    std::string text;
    int shown = 0;
    for (const auto& core : host.cores) {
        if (core.cpus.size() > 1 && shown++ < 2) {
            text += (text.empty() ? "" : " and ") + core.cpus.str();
        }
    }
    return text;
}

void check_guest_cores(const GuestView& guest, Findings& findings)
{
    std::size_t judged = 0;
    std::vector<std::string> split;
    auto has_siblings = false; // of CPUs of those that are split
    for (const auto& core : guest.cores()) {
        std::set<CoreIndex> on;
        CpuSet cpus;
        VcpuSet vcpus;
        auto known = core.size() > 1;
        for (const auto vcpu : core) {
            const auto mask = guest.masks.find(vcpu);
            // A vCPU with a core of its own is no thread that is apart.
            const auto place = mask == guest.masks.end() || mask->second.size() > 1
                                   ? std::nullopt
                                   : guest.core_of(mask->second);
            known = known && place.has_value();
            if (known) {
                on.insert(*place);
                cpus |= mask->second;
                vcpus.insert(vcpu);
            }
        }
        judged += known ? 1 : 0;
        if (known && on.size() > 1) {
            has_siblings = has_siblings || std::any_of(on.begin(), on.end(), [&](CoreIndex host) {
                               return at_id(guest.host->cores, host).cpus.size() > 1;
                           });
            split.push_back(vcpus_text(vcpus) + " are threads of one guest core and run on " +
                            cpus_text(cpus) + ", threads of " + pluralize(on.size(), "host core"));
        }
    }
    if (!split.empty()) {
        findings.add(
            Check::pin_smt_mismatch,
            {.evidence = std::to_string(split.size()) + " of " + pluralize(judged, "guest core") +
                         pluralize(split.size(), " is", " are") + " split: " + split.front(),
             .why = has_siblings ? "numbering copied from another host; here the threads of a "
                                   "core are " +
                                       siblings_here(*guest.host)
                                 : "the host's cores there have one thread each",
             .automatic = dedicated_fix("smt", std::string{"require"})});
    }
}

// Guests that take each vCPU for a core.
void check_cores_without_threads(const GuestView& guest, Findings& findings)
{
    if (guest.cpus != nullptr && guest.cpus->emulated) {
        return; // its topology cannot be made that of its CPUs
    }
    std::map<CoreIndex, std::map<VcpuId, CpuSet>> on;
    for (const auto& [vcpu, mask] : guest.masks) {
        if (const auto core = guest.core_of(mask)) {
            on[*core].emplace(vcpu, mask);
        }
    }
    auto in_order = true;
    std::vector<std::string> shared;
    for (const auto& [core, vcpus] : on) {
        CpuSet cpus;
        VcpuSet names;
        for (const auto& [vcpu, mask] : vcpus) {
            cpus |= mask;
            names.insert(vcpu);
        }
        if (vcpus.size() < 2 || cpus.size() < 2) {
            continue;
        }
        in_order = in_order && raw(names.back()) - raw(names.front()) + 1 == names.size();
        shared.push_back(vcpus_text(names) + " are on " + cpus_text(cpus) +
                         ", threads of one host core");
    }
    if (shared.empty()) {
        return;
    }
    const auto many = std::to_string(shared.size()) + " host cores have several of its vCPUs";
    const auto evidence = "the guest takes each vCPU for a core, and " +
                          (shared.size() > 1 ? many + ": " : std::string{}) + shared.front();
    // With fewer cores than vCPUs there is no other way than to tell the guest.
    if (in_order || guest.vcpus.size() > guest.host->cores.size()) {
        findings.add(
            Check::cpu_threads_not_host,
            {.evidence = evidence, .automatic = tune_fix("topology", std::string{"match"})});
    } else {
        findings.add(
            Check::pin_smt_split,
            {.evidence = evidence, .automatic = dedicated_fix("smt", std::string{"require"})});
    }
}

void check_threads(const GuestView& guest, Findings& findings)
{
    const auto threads = guest.topology.threads;
    const auto host_threads = threads_per_core(*guest.host);
    if (host_threads < 2) {
        if (threads > 1 && guest.seen->facts.vcpus_max > 1) {
            findings.add(Check::host_smt_off,
                         {.evidence = "the guest has " + pluralize(threads, "thread") +
                                      " in a core, and this host's cores have one"});
        }
        return;
    }
    if (threads > host_threads) {
        findings.add(Check::cpu_threads_not_host,
                     {.evidence = "the guest has " + std::to_string(threads) +
                                  " threads per core, and this host's cores have " +
                                  std::to_string(host_threads),
                      .automatic = tune_fix("topology", std::string{"match"})});
    } else if (guest.placed) {
        return;
    } else if (threads > 1) {
        check_guest_cores(guest, findings);
    } else {
        check_cores_without_threads(guest, findings);
    }
}

void check_doubles(const GuestView& guest, Findings& findings)
{
    std::map<CpuId, VcpuSet> on;
    for (const auto& [vcpu, mask] : guest.masks) {
        if (mask.size() == 1) {
            on[mask.front()].insert(vcpu);
        }
    }
    std::vector<std::string> words;
    for (const auto& [cpu, vcpus] : on) {
        if (vcpus.size() > 1) {
            words.push_back(vcpus_text(vcpus) + " are on CPU " + std::to_string(raw(cpu)));
        }
    }
    if (!words.empty()) {
        findings.add(Check::pin_dup, {.evidence = some_of(words), .automatic = dedicated_fix()});
    }
}

void check_whole_host(const GuestView& guest, Findings& findings)
{
    const auto& host = *guest.host;
    const auto online = host.online_cpus();
    if (online.size() < 2) {
        return; // there is no other place
    }
    if (guest.own.includes(online)) {
        findings.add(Check::pin_all_cores,
                     {.evidence = "its vCPUs are pinned to " + guest.own.str() +
                                  ", which is every CPU of this host"});
        return;
    }
    // On hosts with efficiency cores the host's work has a place of its own.
    if (guest.own.contains(CpuId{0}) && !host.is_hybrid()) {
        const auto* const cpu = host.find(CpuId{0});
        const auto on_vcache = cpu != nullptr && at_id(host.l3s, cpu->l3).vcache;
        findings.add(
            Check::pin_cpu0,
            {.evidence = "a vCPU is pinned to CPU 0, the first one of the host",
             .fix = on_vcache ? "nothing, if the guest needs all of the V-cache's CPUs" : "",
             .automatic = on_vcache ? std::nullopt : std::optional{dedicated_fix()}});
    }
}

void check_ranges(const GuestView& guest, Findings& findings)
{
    VcpuSet ranges;
    auto all_equal = true;
    for (const auto& [vcpu, mask] : guest.masks) {
        all_equal = all_equal && mask == guest.masks.begin()->second;
        if (mask.size() > 1) {
            ranges.insert(vcpu);
        }
    }
    // One mask for all of them is a pool, where they are meant to float.
    if (!ranges.empty() && !(all_equal && guest.masks.size() > 1)) {
        findings.add(
            Check::pin_range,
            {.evidence = vcpus_text(ranges) + " of " + pluralize(guest.vcpus.size(), "vCPU") +
                         pluralize(ranges.size(), " has", " have") + " several CPUs to run on",
             .automatic = dedicated_fix()});
    }
}

void check_threads_without_pin(const GuestView& guest, Findings& findings)
{
    VcpuSet without;
    VcpuSet plugged;
    for (const auto vcpu : guest.vcpus) {
        if (guest.pins.vcpus.contains(vcpu)) {
            continue;
        }
        const auto came_later = guest.seen->running && guest.seen->definition &&
                                !guest.seen->boot_vcpus().contains(vcpu);
        (came_later ? plugged : without).insert(vcpu);
    }
    if (guest.pins.vcpus.empty()) {
        if (guest.has_devices() && guest.masks.empty() && !guest.has_policy()) {
            findings.add(Check::pin_none,
                         {.evidence = "it has " + passed_through(guest.seen->facts) +
                                      ", and no vCPU has a pin",
                          .automatic = dedicated_fix()});
        }
        return;
    }
    if (!without.empty()) {
        const auto narrow = guest.masks.contains(without.front());
        findings.add(
            Check::pin_unpinned_vcpu_fallback,
            {.evidence = vcpus_text(without) + pluralize(without.size(), " has", " have") +
                         " no pin, " +
                         (narrow ? "and run on <vcpu cpuset>: " + guest.pins.vcpu_cpuset->str()
                                 : "and may run on every CPU"),
             .automatic = dedicated_fix(),
             .severity = narrow ? Severity::note : Severity::warning});
    }
    if (!plugged.empty()) {
        findings.add(Check::pin_hotplugged_unpinned,
                     {.evidence = vcpus_text(plugged) + pluralize(plugged.size(), " was", " were") +
                                  " plugged in and may run on every CPU",
                      .automatic = dedicated_fix()});
    }
}

void check_stale_pins(const GuestView& guest, Findings& findings)
{
    VcpuSet stale;
    const auto pins = guest.seen->definition_pins().value_or(guest.pins);
    for (const auto& [vcpu, cpus] : pins.vcpus) {
        if (raw(vcpu) >= guest.seen->facts.vcpus_max) {
            stale.insert(vcpu);
        }
    }
    if (!stale.empty()) {
        findings.add(Check::pin_stale_vcpupin,
                     {.evidence = "there is a pin for " + vcpus_text(stale) + ", and it has " +
                                  pluralize(guest.seen->facts.vcpus_max, "vCPU")});
    }
}

// Of guests with a policy, the definition is planned for the next start.
void check_running_pins(const GuestView& guest, Findings& findings)
{
    const auto& running = guest.seen->running;
    const auto& definition = guest.seen->definition;
    if (running && definition && !guest.has_policy()) {
        std::vector<std::string> words;
        for (const auto& [vcpu, cpus] : definition->pins.vcpus) {
            const auto live = running->pins.vcpus.find(vcpu);
            if (live != running->pins.vcpus.end() && live->second != cpus) {
                words.push_back("vCPU " + std::to_string(raw(vcpu)) + " is on " +
                                live->second.str() + " instead of " + cpus.str());
            }
        }
        if (!words.empty()) {
            findings.add(Check::pin_live_not_config, {.evidence = some_of(words)});
        }
    }
    if (!running || !running->affinities) {
        return;
    }
    std::vector<std::string> moved;
    const auto online = guest.host->online_cpus();
    for (const auto& [vcpu, cpus] : *running->affinities) {
        const auto pin = running->pins.vcpus.find(vcpu);
        if (pin != running->pins.vcpus.end() && (cpus & online) != (pin->second & online)) {
            moved.push_back("vCPU " + std::to_string(raw(vcpu)) + " may run on " + cpus.str() +
                            ", and its pin is " + pin->second.str());
        }
    }
    if (!moved.empty()) {
        findings.add(Check::pin_affinity_changed, {.evidence = some_of(moved)});
    }
}

} // namespace

void check_pins(const GuestView& guest, Findings& findings)
{
    if (guest.shape_known) {
        check_threads(guest, findings);
    }
    if (!guest.placed) {
        check_doubles(guest, findings);
        check_whole_host(guest, findings);
        check_ranges(guest, findings);
    }
    check_threads_without_pin(guest, findings);
    check_stale_pins(guest, findings);
    check_running_pins(guest, findings);
}

} // namespace virtpind
