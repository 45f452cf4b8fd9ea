// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/planner/guest/guest_layout.hpp"
#include "daemon/planner/plan_tuning.hpp"
#include "tests/support/tuning_case.hpp"

#include <gtest/gtest.h>

namespace virtpind {
namespace {

using test::cached_host;
using test::cpu_list;
using test::Numbering;
using test::says;
using test::TuningCase;

const std::set<Tune> passthrough{Tune::cache_passthrough};

// "sockets.dies.cores.threads: enabled=CPUs in vCPU order".
std::string shape_of(const GuestTuning& tuning)
{
    if (!tuning.cpus) {
        return "kept";
    }
    const auto& shape = tuning.cpus->topology;
    VcpuSet enabled;
    std::string cpus;
    for (const auto& [vcpu, pin] : tuning.cpus->pins) {
        enabled.insert(vcpu);
        cpus += (cpus.empty() ? "" : ",") + pin.str();
    }
    return std::to_string(shape.sockets) + "." + std::to_string(shape.dies) + "." +
           std::to_string(shape.cores) + "." + std::to_string(shape.threads) + ": " +
           enabled.str() + "=" + cpus;
}

bool passes_caches(const TuningDecision& decision)
{
    return decision.tuning.apply.count(Tune::cache_passthrough) != 0;
}

TuningDecision match(const Topology& host, std::string_view cpus)
{
    return TuningCase{host, cpu_list(cpus), TopologyChoice::match, passthrough}.decide();
}

// The number of vCPUs has nothing to do with whose CPU the guest is shown.
TEST(GuestTopology, EmulatedGuestsGetTheirNumberAndNothingOfTheHost)
{
    TuningCase guest{cached_host({.l3s = 2, .cores = 6}), cpu_list("6-9"), TopologyChoice::match,
                     passthrough};
    guest.now.emulated = true;
    guest.intent.policy.vcpus = 2;
    const auto decision = guest.decide();
    EXPECT_EQ(decision.tuning.enabled, VcpuSet::range(0, 1));
    EXPECT_FALSE(decision.tuning.cpus);
    EXPECT_TRUE(decision.tuning.apply.empty());
    EXPECT_TRUE(says(decision.reasons, ReasonCode::tune_refused));
}

TEST(GuestTopology, OneL3IsOneDieWithoutGaps)
{
    const auto decision = match(cached_host({.l3s = 2, .cores = 6}), "6-11,18-23");
    EXPECT_EQ(shape_of(decision.tuning), "1.1.6.2: 0-11=6,18,7,19,8,20,9,21,10,22,11,23");
    EXPECT_TRUE(passes_caches(decision));
    EXPECT_TRUE(says(decision.reasons, ReasonCode::caches_passed_through));
}

TEST(GuestTopology, HostNumberingChangesThePinsOnly)
{
    const auto decision =
        match(cached_host({.l3s = 2, .cores = 6, .numbering = Numbering::adjacent}), "12-23");
    EXPECT_EQ(shape_of(decision.tuning), "1.1.6.2: 0-11=12,13,14,15,16,17,18,19,20,21,22,23");
}

// Ryzen 3900X, three of its four L3s.
TEST(GuestTopology, L3sThatFillTheirBlockBecomeDies)
{
    const auto decision = match(cached_host({.l3s = 4, .cores = 3}), "3-11,15-23");
    EXPECT_EQ(shape_of(decision.tuning),
              "1.3.3.2: 0-17=3,15,4,16,5,17,6,18,7,19,8,20,9,21,10,22,11,23");
    EXPECT_TRUE(passes_caches(decision));
}

// Ryzen 2600, two cores of each L3: dies of four would share a block of eight.
TEST(GuestTopology, L3sThatDoNotFillTheirBlockGetGaps)
{
    const auto host = cached_host({.l3s = 2, .cores = 3});
    const auto decision = match(host, "1-2,4-5,7-8,10-11");
    EXPECT_EQ(shape_of(decision.tuning), "1.1.6.2: 0-3,8-11=1,7,2,8,4,10,5,11");
    EXPECT_TRUE(passes_caches(decision));
    EXPECT_TRUE(says(decision.reasons, ReasonCode::topology_gaps));

    const auto emulated =
        TuningCase{host, cpu_list("1-2,4-5,7-8,10-11"), TopologyChoice::match, {}}.decide();
    EXPECT_EQ(shape_of(emulated.tuning), "1.2.2.2: 0-7=1,7,2,8,4,10,5,11");
}

// Ryzen 5900X, four and five cores: two dies of five, one core of them offline.
TEST(GuestTopology, UnlikeL3sLeaveCoresOffline)
{
    const auto decision = match(cached_host({.l3s = 2, .cores = 6}), "2-5,7-11,14-17,19-23");
    EXPECT_EQ(shape_of(decision.tuning),
              "1.2.5.2: 0-7,10-19=2,14,3,15,4,16,5,17,7,19,8,20,9,21,10,22,11,23");
    EXPECT_TRUE(passes_caches(decision));
    EXPECT_TRUE(says(decision.reasons, ReasonCode::topology_gaps));

    const auto small = match(cached_host({.l3s = 2, .cores = 3}), "2,4-5,8,10-11");
    EXPECT_EQ(shape_of(small.tuning), "1.1.6.2: 0-1,8-11=2,8,4,10,5,11");
    EXPECT_TRUE(passes_caches(small));
}

TEST(GuestTopology, VcacheAcrossDiesIsNotPassedThrough)
{
    auto host = test::regular_host({.l3s = 2, .cores = 8});
    host.l3s[0].size_bytes = 96U << 20U;
    host.l3s[0].vcache = true;
    host = test::with_caches(std::move(host));
    const auto both = match(host, "1-7,9-15,17-23,25-31");
    EXPECT_EQ(shape_of(both.tuning).substr(0, 14), "1.2.7.2: 0-27=");
    EXPECT_FALSE(passes_caches(both));
    EXPECT_EQ(both.tuning.withdraw, passthrough);
    EXPECT_TRUE(says(both.reasons, ReasonCode::tune_refused));

    TuningCase one{host, cpu_list("1-7,17-23"), TopologyChoice::match, passthrough};
    EXPECT_TRUE(passes_caches(one.decide()));
    // QEMU would copy the caches of the other die.
    one.plan.emulator = {CpuId{8}};
    EXPECT_FALSE(passes_caches(one.decide()));
    one.plan.start_emulator = CpuSet{CpuId{1}};
    EXPECT_TRUE(passes_caches(one.decide()));
}

TEST(GuestTopology, HybridHostsPassNothingThrough)
{
    const auto decision = match(test::with_caches(test::hybrid_host(6, 8)), "2-11");
    EXPECT_EQ(shape_of(decision.tuning), "1.1.5.2: 0-9=2,3,4,5,6,7,8,9,10,11");
    EXPECT_FALSE(passes_caches(decision));
}

TEST(GuestTopology, PackagesBecomeSocketsAndNodesCells)
{
    TuningCase wide{cached_host({.packages = 2, .cores = 4}), cpu_list("2-5,10-13"),
                    TopologyChoice::match, passthrough};
    wide.plan.numatune = NumaTune{.mode = NumaMode::restrictive,
                                  .nodes = {NodeId{0}, NodeId{1}},
                                  .cells = {},
                                  .source_xml = {}};
    const auto decision = wide.decide();
    EXPECT_EQ(shape_of(decision.tuning), "2.1.2.2: 0-7=2,10,3,11,4,12,5,13");
    const auto& cpus = *decision.tuning.cpus;
    ASSERT_EQ(cpus.cells.size(), 2U);
    EXPECT_EQ(cpus.cells[0].vcpus.str(), "0-3");
    EXPECT_EQ(cpus.cells[1].vcpus.str(), "4-7");
    EXPECT_EQ(cpus.cells[0].memory_kib + cpus.cells[1].memory_kib, wide.intent.memory_kib);
    ASSERT_TRUE(cpus.numatune);
    EXPECT_EQ(cpus.numatune->cells.at(1), NodeSet{NodeId{1}});
    EXPECT_TRUE(says(decision.reasons, ReasonCode::cells_mirrored));

    wide.plan.numatune.reset(); // memory=keep
    EXPECT_TRUE(wide.decide().tuning.cpus->cells.empty());
}

TEST(GuestTopology, CellsKeepTheirVcpusUnderNewNumbers)
{
    TuningCase wide{cached_host({.packages = 2, .cores = 4}), cpu_list("2-5,10-13"),
                    TopologyChoice::match, passthrough};
    // vCPUs 0-1 (CPUs 2,3) and 4-5 (CPUs 10,11) in cell 1; the rest in cell 0.
    wide.intent.cells = {{.id = 0, .vcpus = *VcpuSet::parse("2-3,6-7"), .memory_kib = 4096},
                         {.id = 1, .vcpus = *VcpuSet::parse("0-1,4-5"), .memory_kib = 8192}};
    wide.now.cells = wide.intent.cells;
    const auto tuning = wide.decide().tuning;
    EXPECT_EQ(shape_of(tuning), "2.1.2.2: 0-7=4,12,5,13,2,10,3,11");
    EXPECT_EQ(tuning.cpus->cells[0].vcpus.str(), "0-3");
    EXPECT_EQ(tuning.cpus->cells[1].vcpus.str(), "4-7");
    EXPECT_EQ(tuning.cpus->cells[1].memory_kib, 8192U);
    EXPECT_FALSE(tuning.cpus->numatune);
}

TEST(GuestTopology, IdleSiblingsBecomeGapsWhereCachesTellOfThem)
{
    const auto host = cached_host({.l3s = 2, .cores = 4});
    const auto decision = match(host, "0-3");
    EXPECT_EQ(shape_of(decision.tuning), "1.1.4.2: 0,2,4,6=0,1,2,3");
    EXPECT_TRUE(passes_caches(decision));
    const auto emulated = TuningCase{host, cpu_list("0-3"), TopologyChoice::match, {}}.decide();
    EXPECT_EQ(shape_of(emulated.tuning), "1.1.4.1: 0-3=0,1,2,3");
}

TEST(GuestTopology, HostShapeLeavesTheRestOffline)
{
    const auto host = cached_host({.l3s = 2, .cores = 6, .threads = 1});
    const auto decision =
        TuningCase{host, cpu_list("6-11"), TopologyChoice::host, passthrough}.decide();
    EXPECT_EQ(shape_of(decision.tuning), "1.1.12.1: 0-5=6,7,8,9,10,11");
    EXPECT_TRUE(passes_caches(decision));
    EXPECT_TRUE(says(decision.reasons, ReasonCode::trailing_vcpus));
    EXPECT_FALSE(says(decision.reasons, ReasonCode::topology_gaps));
}

TEST(GuestTopology, HostShapeKeepsL3sApart)
{
    const auto host = cached_host({.l3s = 4, .cores = 3});
    const auto decision =
        TuningCase{host, cpu_list("3-11,15-23"), TopologyChoice::host, passthrough}.decide();
    EXPECT_EQ(shape_of(decision.tuning),
              "1.4.3.2: 0-17=3,15,4,16,5,17,6,18,7,19,8,20,9,21,10,22,11,23");
    EXPECT_TRUE(passes_caches(decision));
}

TEST(GuestTopology, RoomForMoreVcpusStays)
{
    TuningCase roomy{cached_host({.l3s = 2, .cores = 6}), cpu_list("6-8,18-20"),
                     TopologyChoice::match, passthrough};
    roomy.now.vcpus_max = 11;
    const auto tuning = roomy.decide().tuning;
    EXPECT_EQ(shape_of(tuning), "1.1.6.2: 0-5=6,18,7,19,8,20");
}

TEST(GuestTopology, FloatingVcpusKeepTheirShape)
{
    TuningCase shared{cached_host({}),
                      cpu_list("0-3"),
                      TopologyChoice::match,
                      {Tune::cache_passthrough, Tune::invtsc}};
    shared.plan.placement = Placement::shared;
    for (auto& [vcpu, pin] : shared.plan.vcpus) {
        pin = *CpuSet::parse("0-7");
    }
    const auto decision = shared.decide();
    EXPECT_EQ(shape_of(decision.tuning), "kept");
    EXPECT_EQ(decision.tuning.apply, std::set{Tune::invtsc});
    EXPECT_TRUE(says(decision.reasons, ReasonCode::topology_kept));
    shared.plan.placement = Placement::none;
    EXPECT_TRUE(shared.decide().tuning.empty());
}

TEST(GuestTopology, PassthroughHasToSuitAKeptShape)
{
    TuningCase kept{cached_host({.l3s = 2, .cores = 3}), cpu_list("0-5"), TopologyChoice::keep,
                    passthrough};
    EXPECT_FALSE(passes_caches(kept.decide())); // six vCPUs of three L2s
    kept = {cached_host({.l3s = 2, .cores = 4, .threads = 1}), cpu_list("0-7"),
            TopologyChoice::keep, passthrough};
    EXPECT_TRUE(passes_caches(kept.decide())); // blocks of four
    kept.now.topology = GuestTopology{.cores = 2, .threads = 2};
    EXPECT_FALSE(passes_caches(kept.decide())); // not the number of its vCPUs
}

TEST(GuestTopology, TopoextIsForAmdOnly)
{
    TuningCase domain{cached_host({}), cpu_list("0-7"), TopologyChoice::match, {Tune::topoext}};
    EXPECT_EQ(domain.decide().tuning.apply, std::set{Tune::topoext}); // vendor unknown
    domain.host.vendor = "GenuineIntel";
    EXPECT_EQ(domain.decide().tuning.withdraw, std::set{Tune::topoext});
    domain.host.vendor = "AuthenticAMD";
    domain.intent.policy.tune.clear(); // threads need it
    EXPECT_EQ(domain.decide().tuning.apply, std::set{Tune::topoext});
    domain.abilities.topoext = false;
    EXPECT_EQ(domain.decide().tuning.withdraw, std::set{Tune::topoext});

    TuningCase flat{
        cached_host({.threads = 1}), cpu_list("0-3"), TopologyChoice::match, {Tune::topoext}};
    flat.host.vendor = "AuthenticAMD";
    EXPECT_EQ(flat.decide().tuning.withdraw, std::set{Tune::topoext});
    flat.intent.policy.tune = passthrough; // caches are told by it
    EXPECT_EQ(flat.decide().tuning.apply, (std::set{Tune::cache_passthrough, Tune::topoext}));
}

TEST(GuestTopology, OtherArchitecturesGetTheShapeAndNoCpuid)
{
    TuningCase arm{cached_host({.l3s = 4, .cores = 3, .threads = 1}),
                   cpu_list("3-11"),
                   TopologyChoice::match,
                   {Tune::cache_passthrough, Tune::topoext, Tune::invtsc}};
    arm.now.arch = "aarch64";
    const auto decision = arm.decide();
    EXPECT_EQ(shape_of(decision.tuning), "1.1.9.1: 0-8=3,4,5,6,7,8,9,10,11");
    EXPECT_TRUE(decision.tuning.apply.empty());
    EXPECT_EQ(decision.tuning.withdraw, arm.intent.policy.tune);
    EXPECT_TRUE(says(decision.reasons, ReasonCode::tune_refused));
}

TEST(GuestTopology, WithoutTopoextNoAmdGuestHearsOfCaches)
{
    for (const auto choice : {TopologyChoice::match, TopologyChoice::keep}) {
        TuningCase domain{cached_host({.threads = 1}), cpu_list("0-3"), choice, passthrough};
        domain.host.vendor = "AuthenticAMD";
        EXPECT_EQ(domain.decide().tuning.apply, (std::set{Tune::cache_passthrough, Tune::topoext}));
        domain.abilities.topoext = false;
        EXPECT_EQ(domain.decide().tuning.withdraw, passthrough);
        EXPECT_TRUE(domain.decide().tuning.apply.empty());
    }
}

TEST(GuestTopology, WhatTheHostLacksIsLeftOut)
{
    TuningCase domain{
        cached_host({}), cpu_list("0-7"), TopologyChoice::keep, {Tune::invtsc, Tune::no_migrate}};
    domain.abilities = {.invtsc = false, .topoext = {}, .libvirt_version = 9'000'000};
    auto tuning = domain.decide().tuning;
    EXPECT_EQ(tuning.apply, std::set{Tune::no_migrate});
    EXPECT_EQ(tuning.withdraw, std::set{Tune::invtsc});
    EXPECT_EQ(tuning.clusters_known, false);
    domain.abilities = {.invtsc = true, .topoext = {}, .libvirt_version = 10'001'000};
    tuning = domain.decide().tuning;
    EXPECT_EQ(tuning.apply, (std::set{Tune::invtsc, Tune::no_migrate}));
    EXPECT_EQ(tuning.clusters_known, true);
}

TEST(GuestTopology, OfflineHostCpusHideHowManyShareACache)
{
    auto host = cached_host({.l3s = 2, .cores = 4, .threads = 1});
    host.cpus.back().online = false;
    EXPECT_FALSE(passes_caches(match(host, "0-3")));
    EXPECT_FALSE(passes_caches(match(host, "0-1,4-5")));
}

// nosmt: every core has lost its second thread, CPUID still says that two share L1 and L2.
TEST(GuestTopology, SiblingsThatAreOfflineStillCountInCpuid)
{
    const auto all = cached_host({.l3s = 1, .cores = 4});
    auto host = cached_host({.l3s = 1, .cores = 4, .threads = 1});
    EXPECT_TRUE(passes_caches(match(host, "0-3")));
    for (auto id = 4U; id < 8; ++id) {
        auto cpu = *all.find(CpuId{id});
        cpu.online = false;
        host.cpus.push_back(cpu);
    }
    const auto decision = match(host, "0-3");
    EXPECT_FALSE(passes_caches(decision));
    EXPECT_TRUE(says(decision.reasons, ReasonCode::tune_refused));
    EXPECT_EQ(shape_of(decision.tuning), "1.1.4.1: 0-3=0,1,2,3");
}

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

// Ryzen 4900HS: 3+3 cores of two L3s of four, vCPUs in two blocks of eight.
TuningCase true_with_gaps()
{
    TuningCase domain{cached_host({.l3s = 2, .cores = 4}), cpu_list("1-3,4-6,9-11,12-14"),
                      TopologyChoice::match, passthrough};
    domain.now.topology = GuestTopology{.cores = 8, .threads = 2};
    domain.now.vcpus_max = 16;
    domain.now.enabled = *VcpuSet::parse("0-5,8-13");
    domain.now.lists_vcpus = true;
    domain.intent.vcpus_max = 16;
    domain.intent.vcpus_online = domain.now.enabled;
    domain.plan.vcpus.clear();
    auto vcpu = domain.now.enabled.begin();
    for (const auto cpu : cpu_list("1-3,4-6")) {
        domain.plan.vcpus.emplace(*vcpu++, CpuSet{CpuId{cpu}});
        domain.plan.vcpus.emplace(*vcpu++, CpuSet{CpuId{cpu + 8}});
    }
    return domain;
}

TEST(GuestTopology, AShapeThatIsTrueStays)
{
    auto domain = true_with_gaps();
    const auto decision = domain.decide();
    EXPECT_EQ(shape_of(decision.tuning), "1.1.8.2: 0-5,8-13=1,9,2,10,3,11,4,12,5,13,6,14");
    EXPECT_TRUE(passes_caches(decision));
    EXPECT_TRUE(says(decision.reasons, ReasonCode::topology_true));
    const auto after = tuned_definition(domain.now, decision.tuning);
    EXPECT_EQ(after.enabled, domain.now.enabled);
    EXPECT_EQ(after.vcpus_max, 16U) << "gaps are not room for more";

    // Without the host's caches, what QEMU makes up is one L3 for all.
    domain.intent.policy.tune.clear();
    EXPECT_TRUE(says(domain.decide().reasons, ReasonCode::topology_mirrored));
    domain.now.tuned = passthrough; // its owner's own
    EXPECT_TRUE(says(domain.decide().reasons, ReasonCode::topology_true));

    // Cores that are none.
    domain.now.topology = GuestTopology{.cores = 16};
    EXPECT_TRUE(says(domain.decide().reasons, ReasonCode::topology_mirrored));
    // Sockets that are none.
    domain.now.topology = GuestTopology{.sockets = 2, .cores = 4, .threads = 2};
    EXPECT_TRUE(says(domain.decide().reasons, ReasonCode::topology_mirrored));
}

// Threadripper 3970X: one die of 16 cores over four L3s of four.
TEST(GuestTopology, BlocksThatFitAreTrueInOneDie)
{
    TuningCase whole{cached_host({.l3s = 8, .cores = 4}), cpu_list("16-31,48-63"),
                     TopologyChoice::match, passthrough};
    for (std::uint32_t i = 0; i < 32; ++i) {
        whole.plan.vcpus[VcpuId{i}] = CpuSet{CpuId{16 + i / 2 + i % 2 * 32}};
    }
    whole.now.topology = GuestTopology{.cores = 16, .threads = 2};
    EXPECT_EQ(shape_of(whole.decide().tuning).substr(0, 9), "1.1.16.2:");
    whole.now.topology.reset();
    EXPECT_EQ(shape_of(whole.decide().tuning).substr(0, 8), "1.4.4.2:");
}

const std::set<Tune> of_the_cpu{Tune::cache_passthrough, Tune::topoext, Tune::invtsc,
                                Tune::no_migrate};

TEST(GuestTopology, WhatAnArgumentOverridesIsNotWritten)
{
    TuningCase domain{cached_host({.l3s = 2, .cores = 6}), cpu_list("6-11,18-23"),
                      TopologyChoice::match, of_the_cpu};
    for (const auto tune : of_the_cpu) {
        domain.now.overrides.tunes.emplace(tune, "-cpu");
    }
    const auto decision = domain.decide();
    EXPECT_TRUE(decision.tuning.apply.empty());
    EXPECT_TRUE(decision.tuning.withdraw.empty()) << "what is there does not matter and stays";
    EXPECT_TRUE(decision.tuning.cpus) << "-cpu says nothing of the shape";
    EXPECT_FALSE(says(decision.reasons, ReasonCode::caches_passed_through));
    EXPECT_TRUE(says(decision.reasons, ReasonCode::tune_refused,
                     {{"why", ReasonPhrase::argument_overrides}, {"argument", "-cpu"}}));
    EXPECT_FALSE(decision.shows_host_caches);
}

TEST(GuestTopology, AnArgumentThatShapesTheGuestLeavesItsShape)
{
    TuningCase domain{cached_host({.l3s = 2, .cores = 3}), cpu_list("1-2,4-5,7-8,10-11"),
                      TopologyChoice::match, of_the_cpu};
    domain.intent.policy.vcpus = 6;
    domain.now.overrides.shape = "-smp";
    const auto decision = domain.decide();
    EXPECT_FALSE(decision.tuning.cpus);
    EXPECT_FALSE(decision.tuning.enabled);
    EXPECT_EQ(decision.tuning.apply, (std::set{Tune::topoext, Tune::invtsc, Tune::no_migrate}));
    EXPECT_TRUE(decision.tuning.withdraw.empty());
    EXPECT_TRUE(says(decision.reasons, ReasonCode::topology_kept, {{"argument", "-smp"}}));
}

TEST(GuestTopology, AnArgumentThatSaysWhatMemoryThereIsGetsNoCellsBesides)
{
    TuningCase wide{cached_host({.packages = 2, .cores = 4}), cpu_list("2-5,10-13"),
                    TopologyChoice::match, passthrough};
    wide.plan.numatune = NumaTune{.nodes = {NodeId{0}, NodeId{1}}, .cells = {}, .source_xml = {}};
    ASSERT_EQ(wide.decide().tuning.cpus->cells.size(), 2U);
    wide.now.overrides.cells = "-numa";
    const auto decision = wide.decide();
    EXPECT_TRUE(decision.tuning.cpus->cells.empty());
    EXPECT_TRUE(says(decision.reasons, ReasonCode::topology_kept,
                     {{"argument", "-numa"}, {"no_cells", true}}));
}

// The guides of before <cache> was there.
TEST(GuestTopology, CachesThatAnArgumentShowsCount)
{
    auto domain = true_with_gaps();
    domain.now.overrides.tunes.emplace(Tune::cache_passthrough, "-cpu");
    domain.now.overrides.host_caches = true;
    const auto decision = domain.decide();
    EXPECT_TRUE(says(decision.reasons, ReasonCode::topology_true));
    EXPECT_TRUE(decision.shows_host_caches);
    EXPECT_TRUE(decision.tuning.apply.empty());
    domain.now.overrides.host_caches = false;
    EXPECT_TRUE(says(domain.decide().reasons, ReasonCode::topology_mirrored));
}

TEST(GuestTopology, ANamedModelStays)
{
    TuningCase domain{cached_host({.l3s = 2, .cores = 6}), cpu_list("6-11,18-23"),
                      TopologyChoice::match, of_the_cpu};
    domain.host.vendor = "AuthenticAMD";
    domain.now.model = "EPYC";
    const auto decision = domain.decide();
    EXPECT_EQ(decision.tuning.apply, (std::set{Tune::topoext, Tune::invtsc}));
    EXPECT_TRUE(decision.tuning.withdraw.empty());
    EXPECT_TRUE(says(decision.reasons, ReasonCode::tune_refused,
                     {{"why", ReasonPhrase::model_named}, {"model", "EPYC"}}));
}

TEST(GuestTopology, TheContraryInSoManyWordsStays)
{
    TuningCase domain{cached_host({.l3s = 2, .cores = 6}), cpu_list("6-11,18-23"),
                      TopologyChoice::match, of_the_cpu};
    domain.host.vendor = "AuthenticAMD";
    domain.now.opposed = {Tune::invtsc};
    auto decision = domain.decide();
    EXPECT_EQ(decision.tuning.apply,
              (std::set{Tune::cache_passthrough, Tune::topoext, Tune::no_migrate}));
    EXPECT_TRUE(decision.tuning.withdraw.empty());
    EXPECT_TRUE(says(decision.reasons, ReasonCode::tune_refused,
                     {{"why", ReasonPhrase::definition_opposes}, {"tunes", NameList{"invtsc"}}}));
    domain.now.opposed = {Tune::topoext}; // then no cache is told of either
    decision = domain.decide();
    EXPECT_EQ(decision.tuning.apply, (std::set{Tune::invtsc, Tune::no_migrate}));
    EXPECT_FALSE(says(decision.reasons, ReasonCode::caches_passed_through));
}

TEST(GuestTopology, CpusOfTheirOwnArePlacedStatically)
{
    TuningCase domain{cached_host({}), cpu_list("0-7"), TopologyChoice::keep, {}};
    EXPECT_TRUE(domain.decide().tuning.empty());
    domain.now.placement = "auto";
    auto decision = domain.decide();
    EXPECT_EQ(tuned_definition(domain.now, decision.tuning).placement, "static");
    EXPECT_TRUE(says(decision.reasons, ReasonCode::placement_auto));
    domain.plan.placement = Placement::shared;
    decision = domain.decide();
    EXPECT_EQ(tuned_definition(domain.now, decision.tuning).placement, "auto");
    EXPECT_TRUE(says(decision.reasons, ReasonCode::placement_auto));
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

// The definition enables other vCPUs than those that run.
TEST(GuestTopology, TheDefinitionSaysHowManyVcpusStart)
{
    TuningCase domain{cached_host({.l3s = 2, .cores = 4, .threads = 1}), cpu_list("0-3"),
                      TopologyChoice::match, passthrough};
    domain.now.enabled = *VcpuSet::parse("0-1");
    EXPECT_EQ(shape_of(domain.decide().tuning), "1.1.4.1: 0-1=0,1");
    domain.now.vcpus_max = 6;
    domain.now.enabled = *VcpuSet::parse("0-5");
    EXPECT_EQ(shape_of(domain.decide().tuning), "kept");
}

} // namespace
} // namespace virtpind
