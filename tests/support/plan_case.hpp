// SPDX-License-Identifier: LGPL-2.1-or-later
// Domains on a host, planned and checked, for tests of the planner.
#pragma once

#include "daemon/planner/plan_check.hpp"
#include "daemon/planner/planner.hpp"
#include "daemon/planner/validate.hpp"
#include "tests/support/cpu_sets.hpp"
#include "tests/support/reasons.hpp"
#include "tests/support/topology_builder.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace virtpind::test {

constexpr std::uint64_t gib = 1024 * 1024; // in KiB

// Two L3s of six cores, siblings N and N+12.
inline Topology ryzen()
{
    return regular_host({.l3s = 2, .cores = 6});
}

// Two packages of four cores, siblings N and N+8: node 1 is CPUs 4-7,12-15.
inline Topology two_nodes()
{
    return regular_host({.packages = 2, .cores = 4});
}

// A dedicated domain that arrives, all of its vCPUs online.
inline Intent domain(std::string name, std::uint32_t vcpus)
{
    Intent intent;
    intent.uuid = DomainUuid{name};
    intent.name = std::move(name);
    intent.policy.name = "dedicated";
    intent.policy.placement = Placement::dedicated;
    intent.vcpus_max = vcpus;
    intent.vcpus_online = VcpuSet::range(0, vcpus - 1);
    return intent;
}

// A dedicated domain of cores with two threads each.
inline Intent threaded(std::string name, std::uint32_t cores)
{
    auto intent = domain(std::move(name), 2 * cores);
    intent.topology = GuestTopology{.cores = cores, .threads = 2};
    return intent;
}

inline Intent shared(std::string name, std::uint32_t vcpus)
{
    auto intent = domain(std::move(name), vcpus);
    intent.policy.name = "shared";
    intent.policy.placement = Placement::shared;
    return intent;
}

// The domain as it runs, each vCPU on the CPU of `numbers` at its place.
inline Intent running_on(Intent intent, std::initializer_list<std::uint32_t> numbers)
{
    intent.activity = Activity::running;
    std::uint32_t vcpu = 0;
    for (const auto number : numbers) {
        intent.current.vcpus[VcpuId{vcpu++}] = CpuSet{CpuId{number}};
    }
    return intent;
}

// Hugepages are locked memory.
inline Intent with_hugepages(Intent intent, std::uint64_t memory_kib, std::uint64_t page_kib = 2048)
{
    intent.memory_kib = memory_kib;
    intent.hugepage_kib = page_kib;
    intent.memory_locked = true;
    return intent;
}

// The plan for a valid request; it keeps all rules.
inline Plan plan_on(const Topology& host, std::vector<Intent> intents,
                    std::optional<CpuSet> housekeeping = std::nullopt)
{
    const PlanRequest request{
        .topology = &host, .housekeeping = std::move(housekeeping), .intents = std::move(intents)};
    EXPECT_TRUE(validate_request(request).ok());
    auto plan = make_plan(request);
    EXPECT_EQ(check_plan(request, plan), std::vector<std::string>{});
    return plan;
}

// The CPUs of all vCPUs.
inline CpuSet vcpu_cpus(const DomainPlan& plan)
{
    CpuSet all;
    for (const auto& [vcpu, pin] : plan.vcpus) {
        all |= pin;
    }
    return all;
}

// Whether it has a reason of that code with, among others, these arguments.
inline testing::AssertionResult says(const DomainPlan& plan, ReasonCode code,
                                     const ReasonArguments& arguments = {})
{
    return says(plan.reasons, code, arguments);
}

} // namespace virtpind::test
