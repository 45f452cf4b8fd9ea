// SPDX-License-Identifier: LGPL-2.1-or-later
#include "checks.hpp"
#include "common/base/by_id.hpp"
#include "common/base/messages.hpp"
#include "common/base/printable.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <sstream>

namespace virtpind {

namespace {

// The value of a fact, or a note that it is not known.
template <class T>
const T* known(const Measured<T>& fact, Check check, Findings& findings)
{
    if (!fact.value) {
        findings.not_measured(check, fact.reason);
        return nullptr;
    }
    return &*fact.value;
}

// What the host's settings matter for: guests with CPUs of their own that run.
struct Served {
    CpuSet cpus;
    std::vector<std::string> unlocked;    // whose memory may be swapped
    std::vector<std::string> small_pages; // with a device and without hugepages
    bool any = false;
};

Served served_guests(const std::vector<GuestView>& all)
{
    Served served;
    for (const auto& guest : all) {
        const auto& facts = guest.seen->facts;
        if (!facts.active() || !guest.pinned) {
            continue;
        }
        served.any = true;
        served.cpus |= guest.own;
        if (!facts.memory_locked) {
            served.unlocked.push_back(guest.name);
        }
        if (guest.has_devices() && !facts.hugepage_kib) {
            served.small_pages.push_back(guest.name);
        }
    }
    return served;
}

// "domain,managed_irq,1-3": the CPUs, without the words before them.
std::optional<CpuSet> cpus_of_option(std::string_view value)
{
    while (!value.empty() && (value.front() < '0' || value.front() > '9')) {
        const auto comma = value.find(',');
        if (comma == std::string_view::npos) {
            return std::nullopt;
        }
        value.remove_prefix(comma + 1);
    }
    auto cpus = CpuSet::parse(value);
    return cpus ? std::optional{std::move(*cpus)} : std::nullopt; // "1-N", "all" and the like
}

void check_cmdline(const DoctorFacts& facts, Findings& findings)
{
    const auto* const cmdline = known(facts.host.cmdline, Check::host_cmdline_cpus, findings);
    if (cmdline == nullptr) {
        return;
    }
    std::vector<std::string> words;
    std::istringstream options{*cmdline};
    for (std::string option; options >> option;) {
        const auto equals = option.find('=');
        const auto name = option.substr(0, equals);
        if (equals == std::string::npos || (name != "isolcpus" && name != "nohz_full" &&
                                            name != "rcu_nocbs" && name != "irqaffinity")) {
            continue;
        }
        const auto cpus = cpus_of_option(std::string_view{option}.substr(equals + 1));
        const auto missing = cpus ? *cpus - facts.topology->all_cpus() : CpuSet{};
        if (!missing.empty()) {
            words.push_back(name + " names " + cpus_text(missing));
        }
    }
    if (!words.empty()) {
        findings.add(Check::host_cmdline_cpus,
                     {.evidence = some_of(words) + ", and this host has CPUs " +
                                  facts.topology->all_cpus().str()});
    }
}

void check_isolated(const DoctorFacts& facts, const std::vector<GuestView>& all, Findings& findings)
{
    if (facts.topology->isolated.empty()) {
        return;
    }
    if (!facts.sees_all_guests) {
        findings.not_measured(Check::host_isolcpus_overlap, "not all guests were looked at");
        return;
    }
    CpuSet pinned;
    for (const auto& guest : all) {
        for (const auto& [vcpu, mask] : guest.masks) {
            pinned |= mask;
        }
    }
    const auto idle = facts.topology->isolated - pinned;
    if (!idle.empty() && !all.empty()) {
        findings.add(Check::host_isolcpus_overlap,
                     {.evidence = cpus_text(idle) + pluralize(idle.size(), " is", " are") +
                                  " isolated, and no guest is pinned there"});
    }
}

bool saves_energy(const CpuGovernor& cpu)
{
    // These drivers choose the speed themselves and take the preference, not the governor.
    if (!cpu.preference.empty()) {
        return cpu.governor != "performance" &&
               (cpu.preference == "power" || cpu.preference == "balance_power");
    }
    return cpu.governor == "powersave" || cpu.governor == "conservative";
}

void check_governors(const HostFacts& host, const Served& served, Findings& findings)
{
    const auto* const governors = known(host.governors, Check::host_governor, findings);
    if (governors == nullptr) {
        return;
    }
    std::map<std::string, CpuSet> slow;
    for (const auto& cpu : *governors) {
        if (served.cpus.contains(cpu.cpu) && saves_energy(cpu)) {
            slow[cpu.preference.empty() ? cpu.governor : cpu.preference].insert(cpu.cpu);
        }
    }
    for (const auto& [word, cpus] : slow) {
        findings.add(Check::host_governor,
                     {.evidence = cpus_text(cpus) + pluralize(cpus.size(), " uses ", " use ") +
                                  in_quotes(word) + ", and guests run there",
                      .fix = "cpupower -c " + cpus.str() + " frequency-set -g performance"});
    }
}

void check_sleep(const HostFacts& host, const Served& served, Findings& findings)
{
    constexpr std::uint64_t long_usec = 100; // as a timer tick's own jitter, or more
    const auto* const states = known(host.idle_states, Check::host_cstate_deep, findings);
    if (states != nullptr) {
        std::map<std::pair<std::uint64_t, std::string>, CpuSet> deep;
        CpuSet cpus;
        for (const auto& state : *states) {
            if (served.cpus.contains(state.cpu) && state.wake_usec >= long_usec) {
                deep[{state.wake_usec, printable(state.name, 32)}].insert(state.cpu);
                cpus.insert(state.cpu);
            }
        }
        std::vector<std::string> words;
        for (const auto& [state, sleepers] : deep) {
            words.push_back(cpus_text(sleepers) + pluralize(sleepers.size(), " sleeps", " sleep") +
                            " in " + in_quotes(state.second) + ", " + std::to_string(state.first) +
                            " us from waking");
        }
        if (!words.empty()) {
            findings.add(
                Check::host_cstate_deep,
                {.evidence = some_of(words) + ", and guests run there",
                 .fix = "cpupower -c " + cpus.str() + " idle-set -D " + std::to_string(long_usec)});
        }
    }
    const auto* const polls = known(host.halt_poll_nsec, Check::host_halt_poll, findings);
    if (polls != nullptr && *polls == 0 && served.any) {
        findings.add(Check::host_halt_poll, {});
    }
}

// "f,ffffffff", as the kernel reads masks.
std::string mask_of(const CpuSet& cpus)
{
    constexpr std::uint32_t bits = 32;
    std::string text;
    const auto words = cpus.empty() ? 1 : raw(cpus.back()) / bits + 1;
    for (auto word = words; word-- > 0;) {
        std::uint32_t value = 0;
        for (std::uint32_t bit = 0; bit < bits; ++bit) {
            value |= cpus.contains(CpuId{word * bits + bit}) ? 1U << bit : 0U;
        }
        std::array<char, 9> digits{};
        const auto full = !text.empty();
        std::snprintf(digits.data(), digits.size(), full ? "%08x" : "%x", value);
        text += (full ? "," : "") + std::string{digits.data()};
    }
    return text;
}

// A partition of the guest's own has taken its CPUs out of the mask.
void check_workqueues(const DoctorFacts& facts, const Served& served, Findings& findings)
{
    const auto* const cpus = known(facts.host.workqueue_cpus, Check::host_workqueue, findings);
    if (cpus == nullptr || !cpus->intersects(served.cpus)) {
        return;
    }
    const auto shared = *cpus & served.cpus;
    const auto others = facts.topology->all_cpus() - served.cpus;
    findings.add(Check::host_workqueue,
                 {.evidence = "the kernel's unbound work may run on " + cpus_text(shared) +
                              ", which guests have",
                  .fix = others.empty() ? std::string{}
                                        : "echo " + mask_of(others) +
                                              " > /sys/devices/virtual/workqueue/cpumask"});
}

void check_memory_settings(const DoctorFacts& facts, const Served& served, Findings& findings)
{
    const auto& host = facts.host;
    const auto* const ksm = known(host.ksm, Check::host_ksm, findings);
    if (ksm != nullptr && *ksm && served.any) {
        findings.add(Check::host_ksm, {});
    }
    const auto* const balancing = known(host.numa_balancing, Check::host_autonuma, findings);
    if (balancing != nullptr && *balancing && served.any && facts.topology->nodes.size() > 1) {
        findings.add(Check::host_autonuma, {});
    }
    const auto* const thp = known(host.thp, Check::host_thp, findings);
    if (thp != nullptr && *thp == "never" && !served.small_pages.empty()) {
        findings.add(
            Check::host_thp,
            {.evidence = "transparent hugepages are \"never\" used, and " +
                         some_of(served.small_pages) +
                         pluralize(served.small_pages.size(), " has no hugepages of its own",
                                   " have no hugepages of their own")});
    }
    const auto* const swap = known(host.swap, Check::host_swap, findings);
    if (swap != nullptr && swap->used_kib > 0 && !served.unlocked.empty()) {
        findings.add(Check::host_swap, {.evidence = std::to_string(swap->used_kib / 1024) + " of " +
                                                    std::to_string(swap->total_kib / 1024) +
                                                    " MiB of swap are used, and the memory of " +
                                                    some_of(served.unlocked) + " is not locked"});
    }
}

void check_scheduler(const HostFacts& host, Findings& findings)
{
    const auto* const loaded = known(host.sched_ext, Check::host_scx_loaded, findings);
    if (loaded != nullptr && !loaded->empty()) {
        findings.add(Check::host_scx_loaded,
                     {.evidence = "the scheduler " + in_quotes(*loaded) + " is loaded"});
    }
}

// Interrupts that come often to a guest's CPUs and could go elsewhere.
void check_interrupts(const HostFacts& host, const Served& served, Findings& findings)
{
    constexpr std::uint64_t often = 100; // in a second
    const auto* const interrupts = known(host.interrupts, Check::host_irq_on_vm_cores, findings);
    if (interrupts == nullptr) {
        return;
    }
    std::vector<std::string> words;
    std::string first;
    for (const auto& one : *interrupts) {
        const auto is_the_guests = one.device.find("vfio") != std::string::npos;
        const auto elsewhere = one.allowed - served.cpus;
        if (is_the_guests || elsewhere.empty() || one.effective.empty() ||
            !served.cpus.includes(one.effective) || one.per_second < often) {
            continue;
        }
        words.push_back(one.name + " (" + printable(one.device, 64) + ", " +
                        std::to_string(one.per_second) + "/s) on " + cpus_text(one.effective));
        first = first.empty()
                    ? "echo " + elsewhere.str() + " > /proc/irq/" + one.name + "/smp_affinity_list"
                    : first;
    }
    if (!words.empty()) {
        findings.add(Check::host_irq_on_vm_cores,
                     {.evidence = "interrupts of the host are served there: " + some_of(words),
                      .fix = first});
    }
}

void check_layout(const Topology& host, Findings& findings)
{
    std::size_t nodes = 0;
    auto each_is_an_l3 = true;
    auto near = true;
    for (std::size_t i = 0; i < host.nodes.size(); ++i) {
        const auto& cpus = host.nodes[i].cpus;
        if (cpus.empty()) {
            continue;
        }
        ++nodes;
        each_is_an_l3 =
            each_is_an_l3 && std::any_of(host.l3s.begin(), host.l3s.end(),
                                         [&cpus](const L3& l3) { return l3.cpus == cpus; });
        for (std::size_t j = 0; j < host.nodes.size(); ++j) {
            const auto same_package =
                !host.nodes[j].cpus.empty() &&
                host.cpu(cpus.front()).package == host.cpu(host.nodes[j].cpus.front()).package;
            near = near && (!same_package || host.distance[i][j] <= 11);
        }
    }
    if (nodes > host.packages.size() && each_is_an_l3 && near) {
        findings.add(Check::host_l3_as_numa,
                     {.evidence = pluralize(nodes, "NUMA node") + ", each of one L3, at most 11 "
                                                                  "apart"});
    }
    for (const auto& warning : host.warnings) {
        auto sentence = printable(warning, 240);
        if (sentence.ends_with('.')) {
            sentence.pop_back();
        }
        findings.add(Check::host_classify_lowconf, {.evidence = std::move(sentence)});
    }
}

} // namespace

void check_host(const DoctorFacts& facts, const std::vector<GuestView>& all, Findings& findings)
{
    const auto served = served_guests(all);
    check_layout(*facts.topology, findings);
    check_cmdline(facts, findings);
    check_isolated(facts, all, findings);
    check_governors(facts.host, served, findings);
    check_sleep(facts.host, served, findings);
    check_workqueues(facts, served, findings);
    check_memory_settings(facts, served, findings);
    check_scheduler(facts.host, findings);
    check_interrupts(facts.host, served, findings);
}

} // namespace virtpind
