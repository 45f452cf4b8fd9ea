// SPDX-License-Identifier: LGPL-2.1-or-later
// Domains on a host, planned and checked, for tests of the planner.
#pragma once

#include "daemon/planner/plan_check.hpp"
#include "daemon/planner/planner.hpp"
#include "daemon/planner/validate.hpp"
#include "tests/support/cpu_sets.hpp"
#include "tests/support/topology_builder.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
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

// Whether a reason of that code has `words` in its text.
inline bool says(const DomainPlan& plan, ReasonCode code, std::string_view words = "")
{
    return std::any_of(plan.reasons.begin(), plan.reasons.end(), [&](const Reason& reason) {
        return reason.code == code && reason.text.find(words) != std::string::npos;
    });
}

// The text of all reasons, a line each.
inline std::string text_of(const DomainPlan& plan)
{
    std::string all;
    for (const auto& reason : plan.reasons) {
        all += reason.text + "\n";
    }
    return all;
}

// The text of the first reason of that code; "" without one.
inline std::string text_of(const DomainPlan& plan, ReasonCode code)
{
    const auto at = std::find_if(plan.reasons.begin(), plan.reasons.end(),
                                 [code](const Reason& reason) { return reason.code == code; });
    return at != plan.reasons.end() ? at->text : "";
}

// Whether the text of any reason has `words` in it.
inline bool says(const DomainPlan& plan, std::string_view words)
{
    return text_of(plan).find(words) != std::string::npos;
}

} // namespace virtpind::test
