// SPDX-License-Identifier: LGPL-2.1-or-later
// Guest tuning on random hosts and random CPUs.
#include "daemon/planner/guest/guest_caches.hpp"
#include "daemon/planner/planner.hpp"
#include "tests/support/tuning_case.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace virtpind {
namespace {

using test::TuningCase;

Topology random_host()
{
    const auto upto = [](std::uint32_t most) { return *rc::gen::inRange(1U, most + 1); };
    const auto numbering = *rc::gen::element(test::Numbering::spread, test::Numbering::adjacent);
    auto host = test::regular_host({.packages = upto(2),
                                    .nodes = upto(2),
                                    .l3s = upto(4),
                                    .cores = upto(8),
                                    .threads = upto(2),
                                    .numbering = numbering});
    host.vendor = *rc::gen::element<std::string>("", "GenuineIntel", "AuthenticAMD");
    return test::with_caches(std::move(host));
}

TuningCase random_case()
{
    auto host = random_host();
    auto cpus = *rc::gen::suchThat(rc::gen::container<std::set<std::uint32_t>>(rc::gen::inRange(
                                       0U, static_cast<std::uint32_t>(host.cpus.size()))),
                                   [](const auto& some) { return !some.empty(); });
    const auto topology =
        *rc::gen::element(TopologyChoice::keep, TopologyChoice::match, TopologyChoice::host);
    TuningCase domain{std::move(host),
                      {cpus.begin(), cpus.end()},
                      topology,
                      {Tune::cache_passthrough, Tune::topoext}};
    if (*rc::gen::arbitrary<bool>()) {
        domain.plan.numatune = NumaTune{};
    }
    domain.now.vcpus_max += *rc::gen::inRange(0U, 4U);
    return domain;
}

std::map<VcpuId, CpuId> pins_of(const std::map<VcpuId, CpuSet>& sets)
{
    std::map<VcpuId, CpuId> pins;
    for (const auto& [vcpu, cpus] : sets) {
        pins.emplace(vcpu, cpus.front());
    }
    return pins;
}

RC_GTEST_PROP(GuestTuning, ShapeHoldsAllVcpusAndStartsWithTheFirst, ())
{
    const auto domain = random_case();
    const auto tuning = domain.decide().tuning;
    RC_PRE(tuning.cpus.has_value());
    const auto after = tuned_definition(domain.now, tuning);
    RC_ASSERT(after.topology->product() == after.vcpus_max);
    RC_ASSERT(after.vcpus_max >= domain.now.vcpus_max);
    RC_ASSERT(after.enabled.size() == domain.now.enabled.size());
    RC_ASSERT(after.enabled.contains(VcpuId{0}));
    RC_ASSERT(raw(after.enabled.back()) < after.vcpus_max);
    CpuSet used;
    for (const auto& [vcpu, cpus] : tuning.cpus->pins) {
        RC_ASSERT(cpus.size() == 1U && !used.intersects(cpus));
        used |= cpus;
    }
    VcpuSet in_cells;
    for (const auto& cell : after.cells) {
        RC_ASSERT(!in_cells.intersects(cell.vcpus));
        in_cells |= cell.vcpus;
    }
    RC_ASSERT(after.cells.empty() || in_cells == VcpuSet::range(0, after.vcpus_max - 1));
}

RC_GTEST_PROP(GuestTuning, WhatPassesCachesThroughIsTrue, ())
{
    const auto domain = random_case();
    const auto tuning = domain.decide().tuning;
    const auto passed = tuning.apply.count(Tune::cache_passthrough);
    RC_ASSERT(passed + tuning.withdraw.count(Tune::cache_passthrough) == 1U);
    RC_PRE(passed == 1U);
    const auto after = tuned_definition(domain.now, tuning);
    const auto pins = pins_of(tuning.cpus ? tuning.cpus->pins : domain.plan.vcpus);
    const auto guest = after.topology.value_or(GuestTopology{.sockets = after.vcpus_max});
    RC_ASSERT(predict_guest_caches(guest, after.enabled, cpu_vendor(domain.host.vendor),
                                   cache_sharing(domain.host, domain.plan.emulator.front())) ==
              real_caches(domain.host, pins));
}

// As at the next start: the vCPUs have their new numbers, the CPUs are the same.
RC_GTEST_PROP(GuestTuning, DecidingAgainChangesNothing, ())
{
    auto domain = random_case();
    const auto tuning = domain.decide().tuning;
    domain.now = tuned_definition(domain.now, tuning);
    RC_ASSERT(domain.decide().tuning == tuning); // still running with the old numbers
    if (tuning.cpus) {
        domain.plan.vcpus = tuning.cpus->pins;
        domain.intent.vcpus_online = domain.now.enabled;
        domain.intent.cells = domain.now.cells;
    }
    const auto again = domain.decide().tuning;
    RC_ASSERT(is_tuned(domain.now, tuned_pins({}, tuning), again));
}

// Planner and tuning together: what the next start is planned for is what was tuned for.
RC_GTEST_PROP(GuestTuning, PlanningTheTunedDefinitionChangesNothing, ())
{
    auto domain = random_case();
    domain.intent.activity = Activity::dormant;
    domain.intent.policy.fallback = Fallback::fail;
    const auto plan = [&domain] {
        domain.plan = make_plan({.topology = &domain.host,
                                 .usable = {},
                                 .housekeeping = CpuSet{},
                                 .intents = {domain.intent}})
                          .domains.front();
        return domain.decide().tuning;
    };
    const auto tuning = plan();
    RC_PRE(tuning.cpus.has_value());
    domain.now = tuned_definition(domain.now, tuning);
    domain.intent.current = tuned_pins(domain.intent.current, tuning);
    domain.intent.vcpus_max = domain.now.vcpus_max;
    domain.intent.vcpus_online = domain.now.enabled;
    domain.intent.topology = domain.now.topology;
    domain.intent.cells = domain.now.cells;
    RC_ASSERT(is_tuned(domain.now, domain.intent.current, plan()));
}

} // namespace
} // namespace virtpind
