// SPDX-License-Identifier: LGPL-2.1-or-later
// Shapes, models and arguments of the owner's that stay.
#include "daemon/planner/plan_tuning.hpp"
#include "tests/support/tuning_case.hpp"

#include <gtest/gtest.h>

namespace virtpind {
namespace {

using test::cached_host;
using test::cpu_list;
using test::match;
using test::passes_caches;
using test::passthrough;
using test::says;
using test::shape_of;
using test::TuningCase;

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
