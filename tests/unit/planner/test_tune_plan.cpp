// SPDX-License-Identifier: LGPL-2.1-or-later
// What becomes of a tuned plan: numbers of vCPUs, placement, and what goes back.
#include "daemon/planner/guest/guest_layout.hpp"
#include "daemon/planner/plan_tuning.hpp"
#include "tests/support/tuning_case.hpp"

#include <gtest/gtest.h>

namespace virtpind {
namespace {

using test::cached_host;
using test::cpu_list;
using test::match;
using test::passthrough;
using test::says;
using test::shape_of;
using test::TuningCase;

ObservedDomain running(const TuningCase& domain, const VcpuSet& online)
{
    ObservedDomain seen;
    seen.facts.id = 1;
    seen.facts.vcpus_online = online;
    seen.running = {.pins = PinSet{}};
    for (const auto vcpu : online) {
        seen.running->pins.vcpus[vcpu] = domain.plan.vcpus.at(vcpu);
    }
    seen.definition = {.pins = PinSet{}};
    seen.definition->cpus = domain.now;
    return seen;
}

// The tuned shape has siblings beside each other; vCPUs 0 and 1 run on two cores and stay there.
TEST(TunePlan, GrowingMovesNoVcpuThatRuns)
{
    TuningCase domain{cached_host({.cores = 4}), cpu_list("1-2,5-6"), TopologyChoice::match, {}};
    domain.intent.topology = GuestTopology{.cores = 2, .threads = 2};
    const auto plan_for = [&domain](const ObservedDomain& seen) {
        auto plan = domain.plan;
        tune_plan(plan, domain.host, domain.intent, seen, {}, nullptr);
        EXPECT_EQ(shape_of(plan.tuning), "1.1.2.2: 0-3=1,5,2,6");
        return plan.vcpus;
    };
    EXPECT_EQ(plan_for(running(domain, VcpuSet::range(0, 1))), domain.plan.vcpus);
    auto started = running(domain, VcpuSet::range(0, 3));
    const auto tuned = domain.decide().tuning.cpus->pins;
    started.running->pins.vcpus = tuned;
    EXPECT_EQ(plan_for(started), tuned) << "as it was started";
    started.running->pins.vcpus.clear();
    EXPECT_EQ(plan_for(started), tuned) << "all of them are pinned anew";
}

// What libvirt adds to the CPU that a tune needs goes with that, and not alone: it would add it
// again.
TEST(TunePlan, WhatLibvirtAddsToAHostsCpuStaysWithIt)
{
    TuningCase domain{
        cached_host({.cores = 4}), cpu_list("1-2"), TopologyChoice::keep, {Tune::hide_hypervisor}};
    BeforeImage before;
    const auto revert = [&](DefinitionParts now) {
        before.note_written(before.parts, now);
        domain.now.parts = std::move(now);
        auto plan = domain.plan;
        tune_plan(plan, domain.host, domain.intent, running(domain, domain.now.enabled), {},
                  &before);
        return plan.tuning.revert;
    };
    const DefinitionParts passthrough_cpu{
        {"cpu", "there"}, {"cpu@mode", "host-passthrough"}, {"cpu@migratable", "on"}};
    EXPECT_EQ(revert(passthrough_cpu), DefinitionParts{});
    auto fixed = passthrough_cpu;
    fixed["cpu@migratable"] = "off";
    EXPECT_EQ(revert(fixed), (DefinitionParts{{"cpu@migratable", ""}})) << "no-migrate wrote that";
    domain.intent.policy.tune.clear();
    EXPECT_EQ(revert(passthrough_cpu).count("cpu@migratable"), 1U) << "with all the rest";
}

TEST(TunePlan, RoomIsWhatTheOwnerLeftLast)
{
    TuningCase domain{
        cached_host({.l3s = 2, .cores = 8}), cpu_list("0-1,16-17"), TopologyChoice::match, {}};
    const auto vcpus_of = [&domain](const std::string& vcpu) {
        BeforeImage before;
        before.vcpus_max = 16;
        before.parts = {{"vcpu", "<vcpu>16</vcpu>"}};
        before.note_written(before.parts, {{"vcpu", "<vcpu>4</vcpu>"}});
        domain.now.parts = {{"vcpu", vcpu}};
        auto plan = domain.plan;
        tune_plan(plan, domain.host, domain.intent, running(domain, domain.now.enabled), {},
                  &before);
        return plan.tuning.cpus->topology.product();
    };
    EXPECT_EQ(vcpus_of("<vcpu>4</vcpu>"), 16U) << "ours";
    EXPECT_EQ(vcpus_of("<vcpu placement='static'>4</vcpu>"), 4U) << "the owner's own word";
}

TEST(GuestLayout, RoomEndsWhereAGuestNeedsMoreThanCpus)
{
    const GuestTopology wide{.sockets = 2, .cores = 8, .threads = 2};
    EXPECT_EQ(with_headroom(wide, 100).product(), 112U);
    EXPECT_EQ(with_headroom(wide, 250).product(), 240U) << "at 256 it would need an IOMMU";
    EXPECT_EQ(with_headroom(wide, 300).product(), 304U) << "it has one";
}

// What is ours stays as long as it is asked for, and goes back with the rest.
TEST(TunePlan, PlacementStaysStaticAsLongAsItIsDedicated)
{
    TuningCase domain{cached_host({}), cpu_list("0-7"), TopologyChoice::keep, {}};
    BeforeImage before;
    before.parts = {{"vcpu", "<vcpu placement=\"auto\">8</vcpu>"}};
    domain.now.parts = {{"vcpu", "<vcpu placement=\"static\">8</vcpu>"}};
    before.note_written(before.parts, domain.now.parts);
    const auto revert = [&] {
        auto plan = domain.plan;
        tune_plan(plan, domain.host, domain.intent, running(domain, domain.now.enabled), {},
                  &before);
        return plan.tuning.revert;
    };
    EXPECT_TRUE(revert().empty());
    domain.plan.placement = Placement::shared;
    EXPECT_EQ(revert(), before.parts);
}

// What an argument that came later overrides is taken back.
TEST(TunePlan, WhatAnArgumentOverridesGoesBack)
{
    TuningCase domain{cached_host({}), cpu_list("0-7"), TopologyChoice::keep, {Tune::invtsc}};
    BeforeImage before;
    const std::string feature = "cpu/feature:invtsc";
    domain.now.parts = {{feature, "<feature name=\"invtsc\" policy=\"require\"/>"}};
    domain.now.tuned = {Tune::invtsc};
    before.note_written({}, domain.now.parts);
    const auto revert = [&] {
        auto plan = domain.plan;
        tune_plan(plan, domain.host, domain.intent, running(domain, domain.now.enabled), {},
                  &before);
        return plan.tuning.revert;
    };
    EXPECT_TRUE(revert().empty());
    domain.now.overrides.tunes.emplace(Tune::invtsc, "-cpu");
    EXPECT_EQ(revert(), (DefinitionParts{{feature, ""}}));
}

// A new shape lists its vCPUs where some are offline; one that stays says it as its owner did.
TEST(GuestTuning, AListOfVcpusComesWithAShape)
{
    CpuDefinition now;
    now.vcpus_max = 8;
    now.enabled = VcpuSet::range(0, 3);
    now.topology = GuestTopology{.cores = 8};
    GuestCpus cpus{.topology = {.cores = 4, .threads = 2}, .pins = {}, .cells = {}, .numatune = {}};
    for (const auto vcpu : now.enabled) {
        cpus.pins.emplace(vcpu, CpuSet{CpuId{raw(vcpu)}});
    }
    const GuestTuning tuning{.cpus = cpus, .apply = {}, .withdraw = {}};
    EXPECT_TRUE(tuned_definition(now, tuning).lists_vcpus);
    now.topology = cpus.topology;
    EXPECT_FALSE(tuned_definition(now, tuning).lists_vcpus);
    now.lists_vcpus = true;
    EXPECT_TRUE(tuned_definition(now, tuning).lists_vcpus);
}

TEST(GuestTuning, NumbersGoInOrderAndGapsGetNone)
{
    CpuDefinition now;
    now.vcpus_max = 8;
    now.enabled = VcpuSet::range(0, 5); // and room for two
    GuestCpus cpus{.topology = {.cores = 12}, .pins = {}, .cells = {}, .numatune = {}};
    const auto enabled = *VcpuSet::parse("0-2,4-6");
    for (const auto vcpu : enabled) {
        cpus.pins.emplace(vcpu, CpuSet{CpuId{raw(vcpu)}});
    }
    now.keyed = {{.element = "vcpusched", .vcpus = VcpuSet::range(0, 7), .more = true},
                 {.element = "cachetune",
                  .vcpus = *VcpuSet::parse("3-5"),
                  .monitors = {*VcpuSet::parse("3"), *VcpuSet::parse("4-5")}}};
    const auto after = tuned_definition(now, {.cpus = cpus, .apply = {}, .withdraw = {}});
    ASSERT_EQ(after.keyed.size(), 2U);
    EXPECT_EQ(after.keyed[0].vcpus.str(), "0-2,4-8") << "the room is behind all others";
    EXPECT_EQ(after.keyed[1].vcpus.str(), "4-6");
    EXPECT_EQ(after.keyed[1].monitors[1].str(), "5-6");
    EXPECT_EQ(tuned_definition(after, {.cpus = cpus, .apply = {}, .withdraw = {}}), after);
}

} // namespace
} // namespace virtpind
