// SPDX-License-Identifier: LGPL-2.1-or-later
#include "checks.hpp"
#include "common/base/messages.hpp"
#include "common/base/printable.hpp"

#include <algorithm>
#include <map>

namespace virtpind {

namespace {

struct Tool {
    std::string_view name;
    Severity severity;
    std::string_view does;
    std::string_view fix;
};

constexpr Tool tools[]{
    {"numad", Severity::warning, "moves guests between NUMA nodes",
     "systemctl disable --now numad"},
    {"intel_lpmd", Severity::warning, "keeps slices of systemd to some CPUs",
     "systemctl disable --now intel_lpmd"},
    {"ananicy", Severity::note, "changes priorities of threads", "exclude qemu from its rules"},
    {"ananicy-cpp", Severity::note, "changes priorities of threads", "exclude qemu from its rules"},
};

// A profile of tuned that isolates CPUs.
bool isolates(const std::string& profile)
{
    return profile.find("cpu-partitioning") != std::string::npos ||
           profile.find("realtime") != std::string::npos;
}

void check_daemons(const DoctorFacts& facts, const CpuSet& own, Findings& findings)
{
    const auto& daemons = facts.host.daemons;
    if (!daemons.value) {
        findings.not_measured(Check::host_competing_tool, daemons.reason);
        return;
    }
    for (const auto& daemon : *daemons.value) {
        const auto* const tool = std::find_if(std::begin(tools), std::end(tools),
                                              [&](const Tool& t) { return t.name == daemon; });
        if (tool != std::end(tools)) {
            findings.add(Check::host_competing_tool,
                         {.evidence = daemon + " runs, and " + std::string{tool->does},
                          .fix = std::string{tool->fix},
                          .severity = tool->severity});
        }
        const auto banned = facts.host.irqbalance_banned.value.value_or(CpuSet{});
        const auto free = own - banned;
        if (daemon == "irqbalance" && !free.empty()) {
            findings.add(Check::host_competing_tool,
                         {.evidence = "irqbalance runs, and may put interrupts on " +
                                      cpus_text(free) + ", which guests have",
                          .why = "each interrupt there stops a vCPU",
                          .fix = "IRQBALANCE_BANNED_CPULIST=" + (own | banned).str() +
                                 " in /etc/default/irqbalance",
                          .severity = Severity::note});
        }
    }
}

// One finding for each file.
void check_hooks(const HostFacts& host, Findings& findings)
{
    if (!host.hooks.value) {
        findings.not_measured(Check::host_competing_tool, host.hooks.reason);
        return;
    }
    std::map<std::string, std::pair<std::vector<std::string>, std::vector<std::string>>> files;
    for (const auto& line : *host.hooks.value) {
        auto& [words, numbers] = files[line.path];
        numbers.push_back(std::to_string(line.line));
        if (std::find(words.begin(), words.end(), line.word) == words.end()) {
            words.push_back(line.word);
        }
    }
    for (const auto& [path, found] : files) {
        const auto& [words, numbers] = found;
        findings.add(Check::host_competing_tool,
                     {.evidence = printable(path) + " uses " + some_of(words),
                      .why = "two that pin undo each other",
                      .fix = "remove " + std::string{numbers.size() == 1 ? "line " : "lines "} +
                             some_of(numbers, 8) + " of it"});
    }
}

void check_profile(const HostFacts& host, Findings& findings)
{
    if (host.tuned_profile.value && isolates(*host.tuned_profile.value)) {
        findings.add(Check::host_competing_tool,
                     {.evidence = "tuned has the profile " + in_quotes(*host.tuned_profile.value) +
                                  ", which isolates CPUs",
                      .fix = "tuned-adm profile virtual-host"});
    }
}

// Units that a hook narrowed and did not widen again. systemd leaves cpuset.cpus as it is when
// AllowedCPUs is reset to nothing, so the way back is the whole list.
void check_leftovers(const DoctorFacts& facts, const std::vector<GuestView>& all,
                     Findings& findings)
{
    const auto& units = facts.host.units;
    if (!units.value) {
        findings.not_measured(Check::host_leftover_isolation, units.reason);
        return;
    }
    if (!facts.sees_all_guests) {
        findings.not_measured(Check::host_leftover_isolation, "not all guests were looked at");
        return;
    }
    const auto serves = std::any_of(all.begin(), all.end(), [](const GuestView& guest) {
        return guest.seen->facts.active() && guest.pinned;
    });
    if (serves) {
        return;
    }
    const auto& host = *facts.topology;
    for (const auto& unit : *units.value) {
        const auto kept_to = unit.cpus.empty() ? unit.effective : unit.cpus & unit.effective;
        const auto left_out = host.online_cpus() - kept_to;
        if (unit.cpus.empty() || kept_to.empty() || left_out.empty()) {
            continue;
        }
        findings.add(Check::host_leftover_isolation,
                     {.evidence = unit.unit + " is kept to " + cpus_text(kept_to) +
                                  ", and no guest with CPUs of its own runs",
                      .fix = "systemctl set-property --runtime " + unit.unit +
                             " AllowedCPUs=" + host.all_cpus().str()});
    }
}

} // namespace

void check_tools(const DoctorFacts& facts, const std::vector<GuestView>& all, Findings& findings)
{
    CpuSet own;
    auto has_guests = false; // that somebody wants to have in a place
    for (const auto& guest : all) {
        has_guests = has_guests || guest.pinned || guest.has_policy();
        own |= guest.seen->facts.active() && guest.pinned ? guest.own : CpuSet{};
    }
    if (has_guests) {
        check_daemons(facts, own, findings);
        check_hooks(facts.host, findings);
        check_profile(facts.host, findings);
    }
    check_leftovers(facts, all, findings);
}

} // namespace virtpind
