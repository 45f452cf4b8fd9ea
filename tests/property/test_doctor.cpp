// SPDX-License-Identifier: LGPL-2.1-or-later
// What the doctor says of fleets that the planner placed.
#include "common/model/check_table.hpp"
#include "common/model/parts.hpp"
#include "daemon/planner/doctor/doctor.hpp"
#include "daemon/planner/planner.hpp"
#include "fleets.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>

namespace virtpind {
namespace {

using namespace test;

// Pins that the service wrote, with its note of them.
UndoNote note_of(const PinSet& pins)
{
    UndoNote note;
    for (const auto& [name, value] : pin_parts(pins)) {
        note.parts[name] = {.before = "", .ours = {value}};
    }
    return note;
}

ObservedDomain domain_of(const Intent& intent)
{
    ObservedDomain seen;
    seen.facts.uuid = intent.uuid;
    seen.facts.name = intent.name;
    seen.facts.vcpus_max = intent.vcpus_max;
    seen.facts.vcpus_online = intent.all_online();
    seen.facts.topology = intent.topology;
    seen.facts.cells = intent.cells;
    seen.facts.iothreads = intent.iothreads;
    for (const auto& resource : intent.exclusive) {
        seen.facts.pci_devices.push_back(resource.substr(resource.rfind(' ') + 1));
    }
    return seen;
}

void put(ObservedDomain& seen, const PinSet& pins, const std::optional<UndoNote>& note, bool runs)
{
    seen.definition = {.pins = pins, .note = note};
    if (runs) {
        seen.facts.id = 1;
        seen.facts.state = RunState::running;
        seen.running = {.pins = pins, .note = note, .has_policy = note.has_value()};
    }
}

// The fleet once everything is where `plan` puts it.
DoctorFacts facts_of(const PlanRequest& request, const Plan& plan)
{
    DoctorFacts facts{.topology = request.topology};
    facts.sees_all_guests = true;
    facts.host = HostFacts::not_known("no host");
    for (std::size_t i = 0; i < plan.domains.size(); ++i) {
        const auto& intent = request.intents[i];
        const auto& domain = plan.domains[i];
        auto seen = domain_of(intent);
        const auto runs = intent.activity != Activity::dormant && !intent.shut_off;
        if (domain.placement == Placement::none || domain.awaits) {
            put(seen, intent.current, std::nullopt, runs && intent.activity == Activity::running);
            facts.others.push_back(std::move(seen));
            continue;
        }
        PinSet pins;
        pins.vcpus = domain.vcpus;
        pins.emulator = domain.emulator;
        pins.iothreads = domain.iothreads;
        put(seen, pins, note_of(pins), runs);
        seen.facts.metadata.content.emplace(PolicySpec{.name = intent.policy.name, .options = {}});
        facts.guests.push_back(std::move(seen));
    }
    return facts;
}

RC_GTEST_PROP(Doctor, FindsNothingWrongWithPinsOfThePlanner, ())
{
    RandomFleet fleet;
    pick_fleet(fleet);
    // Who keeps the host to isolated CPUs hears of it.
    if (fleet.request.housekeeping) {
        *fleet.request.housekeeping -= fleet.topology.isolated;
    }
    const auto plan = make_plan(fleet.request);
    log_plan(plan);
    const auto facts = facts_of(fleet.request, plan);
    const auto has_strangers =
        std::any_of(facts.others.begin(), facts.others.end(),
                    [](const ObservedDomain& other) { return other.facts.active(); });
    std::set<std::string> lacking; // the plan says so itself
    for (const auto& domain : plan.domains) {
        if (!domain.satisfied) {
            lacking.insert(domain.name);
        }
    }
    for (const auto& finding : examine(facts).findings) {
        const auto name = info_of(finding.check).name;
        const auto is_of_pins =
            name.starts_with("pin.") || name.starts_with("emu.") || name.starts_with("io.");
        // Whoever keeps to CPUs that others get by their policies is seen there.
        const auto is_a_stranger = has_strangers && finding.check == Check::pin_overlap_vm;
        if (!finding.guest.empty() && !lacking.contains(finding.guest) && is_of_pins &&
            !is_a_stranger && finding.severity != Severity::note) {
            RC_LOG() << finding.guest << ": " << name << ": " << finding.evidence << "\n";
            RC_FAIL("a placed guest has a finding");
        }
    }
}

// Pins that no policy made are judged: the property can fail.
TEST(Doctor, JudgesTheSamePinsOfSomebodyElse)
{
    const auto host =
        host_of_cores({{.cpus = {0, 4}}, {.cpus = {1, 5}}, {.cpus = {2, 6}}, {.cpus = {3, 7}}});
    PinSet pins;
    pins.vcpus = {{VcpuId{0}, {CpuId{1}}}, {VcpuId{1}, {CpuId{1}}}};
    ObservedDomain seen;
    seen.facts.name = "vm";
    seen.facts.vcpus_max = 2;
    seen.facts.vcpus_online = VcpuSet::range(0, 1);
    const auto doubled = [&](const std::optional<UndoNote>& note, bool has_policy) {
        auto guest = seen;
        put(guest, pins, note, true);
        if (has_policy) {
            guest.facts.metadata.content.emplace(PolicySpec{.name = "dedicated", .options = {}});
        }
        const auto found = examine({.topology = &host,
                                    .guests = {guest},
                                    .others = {},
                                    .sees_all_guests = true,
                                    .host = HostFacts::not_known("no host"),
                                    .unsatisfied = {}})
                               .findings;
        return std::any_of(found.begin(), found.end(),
                           [](const Finding& one) { return one.check == Check::pin_dup; });
    };
    auto other_pins = pins;
    other_pins.vcpus[VcpuId{1}] = {CpuId{2}};
    EXPECT_FALSE(doubled(note_of(pins), true));
    EXPECT_FALSE(doubled(note_of(pins), false)); // its policy is that of the configuration
    EXPECT_TRUE(doubled(std::nullopt, true));
    EXPECT_TRUE(doubled(note_of(other_pins), true)); // somebody moved it
}

} // namespace
} // namespace virtpind
