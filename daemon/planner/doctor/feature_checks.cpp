// SPDX-License-Identifier: LGPL-2.1-or-later
#include "checks.hpp"
#include "common/base/by_id.hpp"
#include "common/base/messages.hpp"

#include <algorithm>

namespace virtpind {

namespace {

void check_model(const GuestView& guest, Findings& findings)
{
    const auto& mode = guest.details->cpu_mode;
    const auto passes = mode == "host-passthrough" || mode == "maximum" || mode == "host-model";
    if (!guest.has_devices() || passes || guest.cpus->emulated) {
        return;
    }
    findings.add(Check::cpu_mode,
                 {.evidence = guest.cpus->model.empty()
                                  ? "the definition says nothing of the CPU's model"
                                  : "the CPU's model is " + in_quotes(guest.cpus->model)});
}

void check_hyperv(const GuestView& guest, Findings& findings)
{
    const auto& details = *guest.details;
    if (details.disabled.contains("hypervisor") && !details.hyperv.empty()) {
        findings.add(Check::cpu_hypervisor_off,
                     {.evidence = "feature hypervisor is disabled, and " +
                                  some_of({details.hyperv.begin(), details.hyperv.end()}) +
                                  pluralize(details.hyperv.size(), " is", " are") + " on"});
    }
    // Only where the definition names Windows: others with enlightenments know what they do.
    const auto from_osinfo = details.system == GuestSystem::windows_client ||
                             (details.system == GuestSystem::windows && details.hyperv.empty());
    if (!from_osinfo || details.hyperv.contains("passthrough")) {
        return;
    }
    std::vector<std::string> missing;
    for (const auto* name :
         {"relaxed", "vapic", "spinlocks", "vpindex", "synic", "stimer", "hypervclock"}) {
        if (!details.hyperv.contains(name)) {
            missing.emplace_back(name);
        }
    }
    const auto has_basics = details.hyperv.contains("relaxed") &&
                            details.hyperv.contains("vapic") &&
                            details.hyperv.contains("spinlocks");
    if (!missing.empty()) {
        findings.add(Check::cpu_hv_missing,
                     {.evidence = "it has no " + some_of(missing, 7),
                      .severity = has_basics ? Severity::note : Severity::warning});
    }
}

void check_tsc(const GuestView& guest, Findings& findings)
{
    const auto& details = *guest.details;
    if (details.required.contains("invtsc")) {
        if (!guest.has_devices()) { // with one, libvirt saves and migrates nothing anyway
            findings.add(Check::cpu_invtsc_no_save, {});
        }
        return;
    }
    const auto overridden = guest.cpus->overrides.tunes.contains(Tune::invtsc);
    if ((details.tsc_native || details.disabled.contains("hypervisor")) && !overridden) {
        findings.add(Check::cpu_invtsc_absent,
                     {.evidence = details.tsc_native
                                      ? "<timer name='tsc' mode='native'/> without invtsc"
                                      : "the guest does not know that it is one, and invtsc is "
                                        "not required",
                      .automatic = tune_fix("tune", std::vector<std::string>{"invtsc"})});
    }
}

void check_scheduling(const GuestView& guest, const HostFacts& host, Findings& findings)
{
    const auto& details = *guest.details;
    if (details.fifo_vcpus.empty()) {
        return;
    }
    CpuSet cpus;
    for (const auto vcpu : details.fifo_vcpus) {
        const auto mask = guest.masks.find(vcpu);
        cpus |= mask == guest.masks.end() ? guest.host->online_cpus() : mask->second;
    }
    const auto emulator = guest.emulator.value_or(guest.host->online_cpus());
    const auto beside = emulator & cpus;
    const auto unthrottled = host.rt_throttling.value && !*host.rt_throttling.value;
    auto evidence = vcpus_text(details.fifo_vcpus) +
                    pluralize(details.fifo_vcpus.size(), " has", " have") + " priority " +
                    std::to_string(details.fifo_priority) + " in real time";
    evidence += beside.empty() ? "" : ", and the emulator may run on " + beside.str() + ", too";
    evidence += unthrottled ? "; the kernel does not throttle them" : "";
    findings.add(Check::sched_fifo, {.evidence = std::move(evidence)});
}

// The pages of one size on all nodes.
HugePages pages_of_host(const Topology& host, std::uint64_t page_kib)
{
    HugePages all{.page_kib = page_kib};
    for (const auto& node : host.nodes) {
        for (const auto& pages : node.hugepages) {
            all.total += pages.page_kib == page_kib ? pages.total : 0;
            all.free += pages.page_kib == page_kib ? pages.free : 0;
        }
    }
    return all;
}

void check_hugepages(const GuestView& guest, Findings& findings)
{
    const auto& facts = guest.seen->facts;
    const auto has_memory = !guest.host->memory_nodes().empty();
    if (!facts.hugepage_kib || *facts.hugepage_kib == 0 || !has_memory) {
        return; // the host's default size is not known
    }
    const auto is_told = [](const Node& node) { return !node.hugepages.empty(); };
    if (std::none_of(guest.host->nodes.begin(), guest.host->nodes.end(), is_told)) {
        findings.not_measured(Check::mem_hugepages_short, "the host's hugepages are not told");
        return;
    }
    const auto pages = pages_of_host(*guest.host, *facts.hugepage_kib);
    const auto page_kib = *facts.hugepage_kib;
    const auto needed = facts.memory_kib / page_kib + (facts.memory_kib % page_kib == 0 ? 0 : 1);
    const auto there = facts.active() ? pages.total : pages.free;
    if (there < needed) {
        const auto is_mib = page_kib >= 1024;
        const auto count = std::to_string(is_mib ? page_kib / 1024 : page_kib);
        const auto wanted = std::to_string(pages.total + needed - there);
        findings.add(Check::mem_hugepages_short,
                     {.evidence = "it needs " + std::to_string(needed) + " pages of " + count +
                                  (is_mib ? " MiB" : " KiB") + ", and " +
                                  std::to_string(pages.free) + " of " +
                                  std::to_string(pages.total) + " are free",
                      .fix = "reserve them: echo " + wanted +
                             " > /sys/kernel/mm/hugepages/hugepages-" + std::to_string(page_kib) +
                             "kB/nr_hugepages, or hugepagesz=" + count + (is_mib ? "M" : "K") +
                             " hugepages=" + wanted + " on the kernel's command line"});
    }
}

void check_memory(const GuestView& guest, Findings& findings)
{
    const auto& details = *guest.details;
    check_hugepages(guest, findings);
    if (details.locked && !details.hard_limit) {
        // Hugepages are no more than there are.
        const auto is_bounded = guest.seen->facts.hugepage_kib.has_value();
        findings.add(Check::mem_locked_no_limit,
                     {.evidence = "its memory is locked, and has no hard limit",
                      .severity = is_bounded ? Severity::note : Severity::warning});
    }
    if (details.balloon && !guest.seen->facts.pci_devices.empty()) {
        findings.add(
            Check::mem_balloon,
            {.evidence = "it has " + passed_through(guest.seen->facts) + " and a memory balloon"});
    }
}

} // namespace

void check_features(const GuestView& guest, const HostFacts& host, Findings& findings)
{
    if (guest.cpus == nullptr || guest.details == nullptr) {
        return;
    }
    check_model(guest, findings);
    check_hyperv(guest, findings);
    check_tsc(guest, findings);
    check_scheduling(guest, host, findings);
    check_memory(guest, findings);
    if (guest.details->hint_dedicated && !guest.pinned) {
        findings.add(Check::cpu_hint_dedicated,
                     {.evidence = "<hint-dedicated/> is on, and its vCPUs are not pinned one to "
                                  "one",
                      .automatic = dedicated_fix()});
    }
    if (guest.details->host_smbios) {
        findings.add(Check::smbios_host, {});
    }
}

} // namespace virtpind
