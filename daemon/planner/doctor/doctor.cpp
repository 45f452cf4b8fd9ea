// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor.hpp"

#include "checks.hpp"

namespace virtpind {

namespace {

// What can only be told from a definition that was read.
void tell_unknown(const GuestView& guest, Findings& findings)
{
    if (guest.cpus == nullptr || guest.details == nullptr) {
        for (const auto check : {Check::cpu_topoext_missing, Check::cpu_cache_pt_mismatch,
                                 Check::io_iothread_unused, Check::sched_fifo}) {
            findings.not_measured(check, "the guest has no definition that could be read");
        }
    }
}

// The policy that gives the guest CPUs of its own, as its metadata names it; "" for others.
std::string policy_of(const GuestView& guest)
{
    const auto& content = guest.seen->facts.metadata.content;
    if (!content || !*content) {
        return {};
    }
    const auto& name = (*content)->name;
    return name == "none" || name == "shared" || name == "auto" ? std::string{} : name;
}

} // namespace

Diagnosis examine(const DoctorFacts& facts)
{
    Diagnosis diagnosis;
    std::vector<GuestView> all;
    for (const auto* guests : {&facts.guests, &facts.others}) {
        for (const auto& seen : *guests) {
            all.push_back(view_of(*facts.topology, seen));
        }
    }
    CpuSet running; // CPUs of guests that run
    for (const auto& guest : all) {
        running |= guest.seen->facts.active() ? guest.own : CpuSet{};
    }
    for (std::size_t i = 0; i < facts.guests.size(); ++i) {
        const auto& guest = all[i];
        const auto taken = running | guest.own;
        diagnosis.guests.push_back(guest.seen->facts.name);
        Findings findings{guest.seen->facts.name, policy_of(guest)};
        if (const auto less = facts.unsatisfied.find(guest.seen->facts.uuid);
            less != facts.unsatisfied.end()) {
            findings.add(Check::policy_unsatisfied, {.evidence = less->second});
        }
        check_masks(guest, findings);
        check_pins(guest, findings);
        check_places(guest, findings);
        check_emulator(guest, taken, findings);
        check_shape(guest, findings);
        check_features(guest, facts.host, findings);
        check_neighbours(guest, all, findings);
        tell_unknown(guest, findings);
        findings.move_into(diagnosis);
    }
    Findings of_host;
    check_host(facts, all, of_host);
    check_tools(facts, all, of_host);
    of_host.move_into(diagnosis);
    return diagnosis;
}

} // namespace virtpind
