// SPDX-License-Identifier: LGPL-2.1-or-later
#include "checks.hpp"
#include "common/base/by_id.hpp"
#include "common/base/messages.hpp"
#include "common/base/printable.hpp"

#include <algorithm>
#include <set>

namespace virtpind {

namespace {

// Devices of the host that both guests have: only one of them can run.
std::vector<std::string> common_devices(const GuestView& a, const GuestView& b)
{
    const auto& ours = a.seen->facts.pci_devices;
    std::vector<std::string> common;
    for (const auto& address : b.seen->facts.pci_devices) {
        if (std::find(ours.begin(), ours.end(), address) != ours.end()) {
            common.push_back(address);
        }
    }
    return common;
}

bool is_running(const GuestView& guest)
{
    return guest.seen->facts.active();
}

// Guests that are off may have the same CPUs: whoever has more of them than CPUs runs some at a
// time.
bool meet(const GuestView& a, const GuestView& b)
{
    return is_running(a) && is_running(b) && common_devices(a, b).empty();
}

// CPUs of vCPUs of one guest where those of the other are, or may be and nowhere else.
CpuSet common_cpus(const GuestView& guest, const GuestView& other)
{
    auto both = guest.own & other.own;
    for (const auto& [vcpu, mask] : other.masks) {
        both |= guest.own.includes(mask) ? mask : CpuSet{};
    }
    return both;
}

void check_overlap(const GuestView& guest, const std::vector<GuestView>& all, Findings& findings)
{
    if (!is_running(guest)) {
        return;
    }
    std::vector<std::string> overlaps;
    std::vector<std::string> beside;
    CpuSet siblings;
    for (const auto cpu : guest.own) {
        siblings |= at_id(guest.host->cores, guest.host->cpu(cpu).core).cpus;
    }
    siblings -= guest.own;
    for (const auto& other : all) {
        // Where their policies put both, they share a pool.
        if (other.seen == guest.seen || !meet(guest, other) || (guest.placed && other.placed)) {
            continue;
        }
        const auto both = common_cpus(guest, other) | common_cpus(other, guest);
        if (!both.empty()) {
            overlaps.push_back(other.name + " has " + cpus_text(both) + ", too");
        } else if (const auto near = siblings & other.own; !near.empty()) {
            beside.push_back(other.name + " is on " + near.str());
        }
    }
    if (!overlaps.empty()) {
        findings.add(Check::pin_overlap_vm,
                     {.evidence = some_of(overlaps), .automatic = dedicated_fix()});
    }
    if (!beside.empty() && !guest.placed) {
        findings.add(Check::pin_smt_shared_foreign,
                     {.evidence = some_of(beside) + ", siblings of its vCPUs' CPUs",
                      .automatic = dedicated_fix("smt", std::string{"require"})});
    }
}

// Threads of its own that have nothing but CPUs of another guest's vCPUs.
void check_threads_on_others(const GuestView& guest, const std::vector<GuestView>& all,
                             Findings& findings)
{
    if (guest.placed) {
        return;
    }
    for (const auto& other : all) {
        if (other.seen == guest.seen || !meet(guest, other)) {
            continue;
        }
        const auto where = ", where vCPUs of " + other.name + " are";
        if (guest.emulator && !guest.emulator->empty() && other.own.includes(*guest.emulator)) {
            findings.add(Check::emu_on_vcpu_cores,
                         {.evidence = "the emulator has " + cpus_text(*guest.emulator) + where,
                          .automatic = dedicated_fix()});
        }
        std::vector<std::string> words;
        for (const auto& [id, cpus] : guest.iothreads) {
            if (!cpus.empty() && other.own.includes(cpus)) {
                words.push_back("I/O thread " + std::to_string(raw(id)) + " has " + cpus.str());
            }
        }
        if (!words.empty()) {
            findings.add(Check::io_iothread_on_vcpu,
                         {.evidence = some_of(words) + where, .automatic = dedicated_fix()});
        }
    }
}

void check_shared_devices(const GuestView& guest, const std::vector<GuestView>& all,
                          Findings& findings)
{
    if (guest.seen->facts.pci_devices.empty()) {
        return;
    }
    std::set<std::string> devices;
    std::vector<std::string> names;
    for (const auto& other : all) {
        const auto common =
            other.seen == guest.seen ? std::vector<std::string>{} : common_devices(guest, other);
        if (!common.empty()) {
            devices.insert(common.begin(), common.end());
            names.push_back(other.name);
        }
    }
    if (!names.empty()) {
        findings.add(Check::dev_shared_hostdev,
                     {.evidence = *devices.begin() + " is in " + some_of(names, 8) + ", too"});
    }
}

// The host's own CPUs, where it has been told to stay on some.
CpuSet host_set(const Topology& host)
{
    return host.isolated.empty() ? CpuSet{} : host.online_cpus() - host.isolated;
}

void check_shared_l3(const GuestView& guest, const std::vector<GuestView>& all, Findings& findings)
{
    const auto l3 = guest.l3_of(guest.own);
    if (!guest.pinned || guest.placed || !l3) {
        return;
    }
    const auto& host = *guest.host;
    const auto of_host = host_set(host);
    const auto shared = at_id(host.l3s, *l3).cpus & of_host;
    if (shared.empty()) {
        return;
    }
    CpuSet taken = of_host;
    for (const auto& other : all) {
        taken |= other.seen == guest.seen ? CpuSet{} : other.own;
    }
    const auto is_free = [&](const L3& other) {
        return other.cpus.common(host.usable_cpus()) >= guest.vcpus.size() &&
               !other.cpus.intersects(taken);
    };
    const auto free = std::find_if(host.l3s.begin(), host.l3s.end(), is_free);
    if (free != host.l3s.end()) {
        findings.add(Check::pin_llc_shared_with_host,
                     {.evidence = "the host has " + shared.str() + " of its L3, and the L3 of " +
                                  free->cpus.str() + " is free",
                      .automatic = dedicated_fix("cpus", free->cpus.str())});
    }
}

} // namespace

void check_neighbours(const GuestView& guest, const std::vector<GuestView>& all, Findings& findings)
{
    check_overlap(guest, all, findings);
    check_threads_on_others(guest, all, findings);
    check_shared_devices(guest, all, findings);
    check_shared_l3(guest, all, findings);
}

} // namespace virtpind
