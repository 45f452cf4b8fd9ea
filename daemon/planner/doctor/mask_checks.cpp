// SPDX-License-Identifier: LGPL-2.1-or-later
#include "checks.hpp"
#include "common/base/messages.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>

namespace virtpind {

namespace {

// A pin as it is written, with the thread that has it: "vCPU 7".
struct NamedPin {
    std::string thread;
    CpuSet cpus;
};

// Whether a thread has no pin of its own, so that it runs on <vcpu cpuset>.
bool falls_back(const GuestView& guest)
{
    return !guest.pins.emulator ||
           std::any_of(guest.vcpus.begin(), guest.vcpus.end(),
                       [&guest](VcpuId vcpu) { return !guest.pins.vcpus.contains(vcpu); });
}

enum class Vcpus { that_run, all };

std::vector<NamedPin> written_pins(const GuestView& guest, Vcpus which)
{
    std::vector<NamedPin> pins;
    for (const auto& [vcpu, cpus] : guest.pins.vcpus) {
        if (which == Vcpus::all ? raw(vcpu) < guest.seen->facts.vcpus_max
                                : guest.vcpus.contains(vcpu)) {
            pins.push_back({"vCPU " + std::to_string(raw(vcpu)), cpus});
        }
    }
    if (guest.pins.emulator) {
        pins.push_back({"the emulator", *guest.pins.emulator});
    }
    for (const auto& [id, cpus] : guest.pins.iothreads) {
        pins.push_back({"I/O thread " + std::to_string(raw(id)), cpus});
    }
    if (guest.pins.vcpu_cpuset && falls_back(guest)) {
        pins.push_back({"<vcpu cpuset>", *guest.pins.vcpu_cpuset});
    }
    return pins;
}

// Pins with CPUs of `bad`: an error where nothing of one is left, else a warning.
void check_bad_cpus(const GuestView& guest, Check check, const CpuSet& bad, const CpuSet& good,
                    const std::string& are, Findings& findings)
{
    std::vector<std::string> words;
    auto severity = Severity::warning;
    for (const auto& pin : written_pins(guest, Vcpus::all)) {
        const auto wrong = pin.cpus & bad;
        if (wrong.empty()) {
            continue;
        }
        severity = pin.cpus.intersects(good) ? severity : Severity::error;
        words.push_back(pin.thread + " is pinned to " + cpus_text(wrong));
    }
    if (!words.empty()) {
        findings.add(check, {.evidence = some_of(words) + ", " + are,
                             .automatic = check == Check::pin_outside_cgroup
                                              ? std::nullopt
                                              : std::optional{dedicated_fix()},
                             .severity = severity});
    }
}

void check_cpus_that_are_there(const GuestView& guest, Findings& findings)
{
    const auto& host = *guest.host;
    const auto all = host.all_cpus();
    const auto usable = host.usable_cpus();
    CpuSet named;
    for (const auto& pin : written_pins(guest, Vcpus::all)) {
        named |= pin.cpus;
    }
    check_bad_cpus(guest, Check::pin_missing_cpu, named - all, usable,
                   "which this host does not have", findings);
    const auto offline = (named & all) - host.online_cpus();
    check_bad_cpus(guest, Check::pin_offline_cpu, offline, usable,
                   offline.size() == 1 ? "which is offline" : "which are offline", findings);
    check_bad_cpus(guest, Check::pin_outside_cgroup, (named & host.online_cpus()) - usable, usable,
                   "which machine.slice may not use", findings);
}

void check_nodes_that_are_there(const GuestView& guest, Findings& findings)
{
    if (!guest.pins.numatune) {
        return;
    }
    auto named = guest.pins.numatune->nodes;
    for (const auto& [cell, nodes] : guest.pins.numatune->cells) {
        named |= nodes;
    }
    const auto host = guest.host->all_nodes();
    if (const auto missing = named - host; !missing.empty()) {
        findings.add(Check::pin_missing_node,
                     {.evidence = "its memory is bound to " +
                                  pluralize(missing.size(), "node ", "nodes ") + missing.str() +
                                  ", and this host has " +
                                  pluralize(host.size(), "node ", "nodes ") + host.str(),
                      .automatic = dedicated_fix()});
        return;
    }
    if (guest.pins.numatune->mode == NumaMode::preferred) {
        return; // which is a wish
    }
    const auto having = guest.host->memory_nodes();
    auto bound = guest.pins.numatune->cells;
    bound.emplace(std::numeric_limits<std::uint32_t>::max(), guest.pins.numatune->nodes);
    for (const auto& [cell, nodes] : bound) {
        if (!nodes.empty() && !having.empty() && !nodes.intersects(having)) {
            findings.add(Check::pin_missing_node, {.evidence = "its memory is bound to node " +
                                                               nodes.str() + ", which has none",
                                                   .automatic = dedicated_fix()});
            return;
        }
    }
}

void check_isolated_ranges(const GuestView& guest, Findings& findings)
{
    const auto online = guest.host->online_cpus();
    const auto isolated = guest.host->isolated & online;
    std::vector<std::string> words;
    auto severity = Severity::warning;
    for (const auto& pin : written_pins(guest, Vcpus::that_run)) {
        const auto part = pin.cpus & isolated;
        // All CPUs are what threads without a pin have, too. QEMU's own are where the policy has
        // room for them.
        const auto is_settled = guest.placed && !pin.thread.starts_with("vCPU");
        if (part.size() < 2 || pin.cpus.includes(online) || is_settled) {
            continue;
        }
        severity = isolated.includes(pin.cpus) ? Severity::error : severity;
        words.push_back(pin.thread + " has " + part.str());
    }
    if (!words.empty()) {
        findings.add(Check::pin_range_on_isolcpus,
                     {.evidence = some_of(words) + " of the isolated CPUs " + isolated.str(),
                      .automatic = dedicated_fix(),
                      .severity = severity});
    }
}

} // namespace

void check_masks(const GuestView& guest, Findings& findings)
{
    check_cpus_that_are_there(guest, findings);
    check_nodes_that_are_there(guest, findings);
    check_isolated_ranges(guest, findings);
}

} // namespace virtpind
