// SPDX-License-Identifier: LGPL-2.1-or-later
// The shape that a guest gets from the host.
#include "daemon/planner/plan_tuning.hpp"
#include "tests/support/tuning_case.hpp"

#include <gtest/gtest.h>

namespace virtpind {
namespace {

using test::cached_host;
using test::cpu_list;
using test::match;
using test::Numbering;
using test::passes_caches;
using test::passthrough;
using test::says;
using test::shape_of;
using test::TuningCase;

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

} // namespace
} // namespace virtpind
