// SPDX-License-Identifier: LGPL-2.1-or-later
// Which pins of others are claims, and which are load.
#include "daemon/planner/fleet/foreign.hpp"
#include "daemon/planner/plan_check.hpp"
#include "daemon/planner/planner.hpp"
#include "daemon/planner/validate.hpp"
#include "tests/support/topology_builder.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace virtpind {
namespace {

using test::Numbering;
using test::regular_host;

CpuSet cpus(std::string_view text)
{
    return *CpuSet::parse(text);
}

// One vCPU per mask; "" for one that is not pinned.
Intent foreign(const std::string& name, const std::vector<std::string>& masks)
{
    Intent intent;
    intent.uuid = DomainUuid{name};
    intent.name = name;
    intent.stance = Stance::foreign;
    intent.activity = Activity::running;
    intent.has_memory = true;
    intent.vcpus_max = static_cast<std::uint32_t>(masks.size());
    intent.vcpus_online = VcpuSet::range(0, intent.vcpus_max - 1);
    for (std::uint32_t i = 0; i < masks.size(); ++i) {
        if (!masks[i].empty()) {
            intent.current.vcpus[VcpuId{i}] = cpus(masks[i]);
        }
    }
    return intent;
}

Intent domain(const std::string& name, std::uint32_t vcpus, Placement placement)
{
    Intent intent;
    intent.uuid = DomainUuid{name};
    intent.name = name;
    intent.policy.name = "test";
    intent.policy.placement = placement;
    intent.vcpus_max = vcpus;
    intent.vcpus_online = VcpuSet::range(0, vcpus - 1);
    return intent;
}

Plan plan_on(const Topology& host, std::vector<Intent> intents)
{
    const PlanRequest request{
        .topology = &host, .housekeeping = std::nullopt, .intents = std::move(intents)};
    EXPECT_TRUE(validate_request(request).ok());
    auto plan = make_plan(request);
    EXPECT_EQ(check_plan(request, plan), std::vector<std::string>{});
    return plan;
}

bool says(const DomainPlan& plan, ReasonCode code, std::string_view words)
{
    return std::any_of(plan.reasons.begin(), plan.reasons.end(), [&](const Reason& reason) {
        return reason.code == code && reason.text.find(words) != std::string::npos;
    });
}

CpuSet vcpu_cpus(const DomainPlan& plan)
{
    CpuSet all;
    for (const auto& [vcpu, pin] : plan.vcpus) {
        all |= pin;
    }
    return all;
}

// 16 CPUs, siblings N and N+8.
Topology host()
{
    return regular_host({.cores = 8});
}

struct Expected {
    std::vector<std::string> masks;
    std::string claimed;
    std::string floats;
    std::size_t floating;
};

TEST(Footprint, of_masks)
{
    const std::vector<Expected> cases{
        {{"4", "5"}, "4-5", "", 0},            // one CPU each
        {{"4-5", "4-5"}, "4-5", "", 0},        // as many CPUs as vCPUs
        {{"4-5", "4-5", "4-5"}, "4-5", "", 0}, // fewer
        {{"4-6", "4-6"}, "", "4-6", 2},        // more
        {{"0-1", "2-3"}, "", "0-3", 2},        // a pair of cores for each
        {{"1,9", "2,10"}, "1-2,9-10", "", 0},  // a core for each
        {{"1,9", "3-7"}, "1,9", "3-7", 1},     // a core for one, the other floats
        {{"4", "4-7"}, "4", "5-7", 1},         // one floats where the other has its CPU
        {{"2-4", "4-5", "2-5"}, "", "2-5", 3}, // joined by what they have in common
        {{"2-4", "4-5", "2-5", "3-4"}, "2-5", "", 0},
        {{"0-15", "0-4095"}, "", "", 0}, // says nothing
        {{"", "6"}, "6", "", 0},         // one is not pinned
        {{"40", "100-200"}, "", "", 0},  // not of this host
        {{"7,4095"}, "7", "", 0},
    };
    const auto topology = host();
    const HostIndex index{topology};
    for (const auto& one : cases) {
        const auto footprint = footprint_of(index, foreign("vm", one.masks));
        EXPECT_EQ(footprint.claimed.str(), one.claimed) << one.masks.front();
        EXPECT_EQ(footprint.floats.str(), one.floats) << one.masks.front();
        EXPECT_EQ(footprint.floating, one.floating) << one.masks.front();
    }
}

TEST(Footprint, of_the_mask_for_all)
{
    auto vm = foreign("vm", {"", ""});
    vm.current.vcpu_cpuset = cpus("4-7");
    const auto topology = host();
    EXPECT_EQ(footprint_of(HostIndex{topology}, vm).floats, cpus("4-7"));
    vm.current.vcpu_cpuset = cpus("4-5");
    EXPECT_EQ(footprint_of(HostIndex{topology}, vm).claimed, cpus("4-5"));
}

TEST(ForeignLoad, leaves_room_for_a_dedicated_domain_which_hears_of_it)
{
    // Two packages of 16 cores, as a cluster manager has them: pinned to all but a few CPUs.
    const auto servers = regular_host({.packages = 2, .cores = 16});
    std::vector<Intent> intents;
    for (const auto* name : {"nova1", "nova2", "nova3", "nova4"}) {
        intents.push_back(foreign(name, {"4-31,36-63", "4-31,36-63"}));
    }
    intents.push_back(domain("db", 8, Placement::dedicated));
    const auto plan = plan_on(servers, intents);
    const auto& db = plan.domains.back();
    EXPECT_EQ(db.placement, Placement::dedicated);
    EXPECT_TRUE(db.satisfied);
    EXPECT_TRUE(vcpu_cpus(db).includes(cpus("1-3,33-35"))) << "where nobody floats";
    EXPECT_TRUE(says(db, ReasonCode::foreign_load, "foreign guests may run there, too"));
    EXPECT_TRUE(says(db, ReasonCode::foreign_load, "nova1 (4,36)"));
    EXPECT_TRUE(plan.domains.front().claim.empty());
    EXPECT_TRUE(says(plan.domains.front(), ReasonCode::foreign_pins, "load and no claim"));
}

TEST(ForeignLoad, is_avoided_where_nothing_else_differs)
{
    const auto floats = foreign("floats", {"1-4,9-12", "1-4,9-12"});
    const auto plan = plan_on(host(), {floats, domain("vm", 4, Placement::dedicated)});
    EXPECT_EQ(vcpu_cpus(plan.domains[1]), cpus("5-6,13-14"));
    const auto two_l3s = regular_host({.l3s = 2, .cores = 4});
    const auto on_second = foreign("floats", {"4-7,12-15", "4-7,12-15"});
    EXPECT_EQ(
        vcpu_cpus(plan_on(two_l3s, {on_second, domain("vm", 4, Placement::dedicated)}).domains[1]),
        cpus("1-2,9-10"))
        << "housekeeping is a neighbour, too, and nobody floats there";
}

TEST(ForeignLoad, counts_where_shared_domains_float)
{
    const auto two_nodes = regular_host({.packages = 2, .cores = 4});
    const auto shared = domain("vm", 2, Placement::shared);
    const auto quiet = plan_on(two_nodes, {shared}).domains.front();
    ASSERT_TRUE(two_nodes.nodes[1].cpus.includes(vcpu_cpus(quiet)));
    const std::string node1 = two_nodes.nodes[1].cpus.str();
    const auto busy = foreign("busy", {node1, node1, node1, node1, node1, node1});
    EXPECT_TRUE(
        two_nodes.nodes[0].cpus.includes(vcpu_cpus(plan_on(two_nodes, {busy, shared}).domains[1])));
}

TEST(ForeignLoad, of_one_that_is_shut_off_is_none)
{
    auto floats = foreign("floats", {"1-4,9-12", "1-4,9-12"});
    floats.activity = Activity::dormant;
    const auto plan = plan_on(host(), {floats, domain("vm", 4, Placement::dedicated)});
    EXPECT_EQ(vcpu_cpus(plan.domains[1]), cpus("1-2,9-10"));
}

TEST(ForeignLoad, pins_as_wide_as_the_guest_are_a_claim_still)
{
    const auto claims = foreign("claims", {"1-4,9-12", "1-4,9-12", "1-4,9-12", "1-4,9-12",
                                           "1-4,9-12", "1-4,9-12", "1-4,9-12", "1-4,9-12"});
    const auto plan = plan_on(host(), {claims, domain("vm", 6, Placement::dedicated)});
    EXPECT_EQ(plan.domains[0].claim, cpus("1-4,9-12"));
    EXPECT_EQ(vcpu_cpus(plan.domains[1]), cpus("5-7,13-15"));
}

} // namespace
} // namespace virtpind
