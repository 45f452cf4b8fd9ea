// SPDX-License-Identifier: LGPL-2.1-or-later
// How long plans take, and how that grows with CPUs and domains.
#include "daemon/planner/planner.hpp"
#include "tests/support/topology_builder.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <string>

namespace virtpind {
namespace {

Intent domain(std::size_t number, std::uint32_t vcpus)
{
    Intent intent;
    intent.uuid = DomainUuid{std::to_string(number)};
    intent.name = "vm" + std::to_string(number);
    intent.policy.name = "dedicated";
    intent.policy.placement = Placement::dedicated;
    intent.vcpus_max = vcpus;
    intent.vcpus_online = VcpuSet::range(0, vcpus - 1);
    intent.topology = vcpus % 2 == 0 ? GuestTopology{.cores = vcpus / 2, .threads = 2}
                                     : GuestTopology{.cores = vcpus};
    return intent;
}

// Two packages of twelve L3s with eight SMT2 cores each: 384 CPUs.
Topology large_host()
{
    return test::regular_host({.packages = 2, .nodes = 1, .l3s = 12, .cores = 8, .threads = 2});
}

// A host of `cpus`: SMT2, eight cores per L3, four L3s per node where there are that many.
Topology host_of(std::uint32_t cpus)
{
    const auto cores = cpus / 2;
    const auto per_l3 = std::min(cores, 8U);
    const auto l3s = cores / per_l3;
    const auto per_node = std::min(l3s, 4U);
    return test::regular_host(
        {.packages = 1, .nodes = l3s / per_node, .l3s = per_node, .cores = per_l3, .threads = 2});
}

// The domains of `plan` as they run from then on.
std::vector<Intent> running(std::vector<Intent> intents, const Plan& plan)
{
    for (std::size_t i = 0; i < intents.size(); ++i) {
        intents[i].activity = Activity::running;
        intents[i].current.vcpus = plan.domains[i].vcpus;
        intents[i].current.emulator = plan.domains[i].emulator;
    }
    return intents;
}

std::vector<Intent> fleet(std::size_t count, std::uint32_t largest)
{
    std::vector<Intent> intents;
    for (std::size_t i = 0; i < count; ++i) {
        intents.push_back(domain(i, std::max(1U, largest >> (i % 3))));
    }
    return intents;
}

// state.range(0): vCPUs of the others that may move for it, or for themselves.
void one_among_forty(benchmark::State& state)
{
    const auto host = large_host();
    PlanRequest request{.topology = &host};
    request.intents = fleet(40, 8);
    request.intents = running(request.intents, make_plan(request));
    request.intents.push_back(domain(40, 32));
    request.tidy_vcpus = static_cast<std::size_t>(state.range(0));
    for (auto _ : state) {
        benchmark::DoNotOptimize(make_plan(request));
    }
}

void whole_fleet(benchmark::State& state)
{
    const auto host =
        state.range(0) == 384 ? large_host() : host_of(static_cast<std::uint32_t>(state.range(0)));
    PlanRequest request{.topology = &host};
    request.intents =
        fleet(static_cast<std::size_t>(state.range(1)), static_cast<std::uint32_t>(state.range(2)));
    for (auto _ : state) {
        benchmark::DoNotOptimize(make_plan(request));
    }
}

void by_cpus(benchmark::State& state)
{
    const auto host = host_of(static_cast<std::uint32_t>(state.range(0)));
    PlanRequest request{.topology = &host};
    request.intents = {domain(0, 4)};
    for (auto _ : state) {
        benchmark::DoNotOptimize(make_plan(request));
    }
    state.SetComplexityN(state.range(0));
}

void by_domains(benchmark::State& state)
{
    const auto host = host_of(1024);
    PlanRequest request{.topology = &host};
    request.intents = fleet(static_cast<std::size_t>(state.range(0)), 4);
    for (auto _ : state) {
        benchmark::DoNotOptimize(make_plan(request));
    }
    state.SetComplexityN(state.range(0));
}

// 256 that run, most of which span two L3s, so that all of its attempts are made.
void tidy_after_departures(benchmark::State& state)
{
    const auto host = host_of(1024);
    PlanRequest request{.topology = &host};
    request.intents = fleet(256, 4);
    request.intents = running(request.intents, make_plan(request));
    for (std::size_t i = 0; i < request.intents.size(); ++i) {
        auto& pins = request.intents[i].current.vcpus;
        auto& others = request.intents[(i + 128) % 256].current.vcpus;
        if (i < 128 && pins.size() > 1 && others.size() > 1) { // both span two L3s, and more
            std::swap(pins.rbegin()->second, others.rbegin()->second);
        }
    }
    request.tidy_vcpus = 64;
    for (auto _ : state) {
        benchmark::DoNotOptimize(make_plan(request));
    }
}

BENCHMARK(one_among_forty)->Arg(0)->Arg(64)->Unit(benchmark::kMicrosecond);
BENCHMARK(tidy_after_departures)->Unit(benchmark::kMillisecond);
// CPUs, domains, vCPUs of the largest: with room for all, and with too little.
BENCHMARK(whole_fleet)
    ->Args({384, 64, 8})
    ->Args({384, 64, 16})
    ->Args({1024, 200, 8})
    ->Args({1024, 200, 16})
    ->Unit(benchmark::kMillisecond);
BENCHMARK(by_cpus)->RangeMultiplier(2)->Range(8, 1024)->Complexity()->Unit(benchmark::kMicrosecond);
BENCHMARK(by_domains)
    ->RangeMultiplier(4)
    ->Range(1, 256)
    ->Complexity()
    ->Unit(benchmark::kMillisecond);

} // namespace
} // namespace virtpind

BENCHMARK_MAIN();
