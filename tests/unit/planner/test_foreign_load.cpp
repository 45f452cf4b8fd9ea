// SPDX-License-Identifier: LGPL-2.1-or-later
// Pins that somebody else has set: which are claims, and which are load.
#include "daemon/planner/fleet/foreign.hpp"
#include "tests/support/plan_case.hpp"

#include <gtest/gtest.h>

namespace virtpind::test {
namespace {

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

TEST(Footprint, SeparatesClaimsFromLoadByTheMasks)
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

TEST(Footprint, OfTheMaskForAllVcpus)
{
    auto vm = foreign("vm", {"", ""});
    vm.current.vcpu_cpuset = cpus("4-7");
    const auto topology = host();
    EXPECT_EQ(footprint_of(HostIndex{topology}, vm).floats, cpus("4-7"));
    vm.current.vcpu_cpuset = cpus("4-5");
    EXPECT_EQ(footprint_of(HostIndex{topology}, vm).claimed, cpus("4-5"));
}

TEST(ForeignLoad, LeavesCpusToADedicatedDomainWhichHearsOfIt)
{
    // Two packages of 16 cores, as a cluster manager has them: pinned to all but a few CPUs.
    const auto servers = regular_host({.packages = 2, .cores = 16});
    std::vector<Intent> intents;
    for (const auto* name : {"nova1", "nova2", "nova3", "nova4"}) {
        intents.push_back(foreign(name, {"4-31,36-63", "4-31,36-63"}));
    }
    intents.push_back(domain("db", 8));
    const auto plan = plan_on(servers, intents);
    const auto& db = plan.domains.back();
    EXPECT_EQ(db.placement, Placement::dedicated);
    EXPECT_TRUE(db.satisfied);
    EXPECT_TRUE(vcpu_cpus(db).includes(cpus("1-3,33-35"))) << "where nobody floats";
    DomainsOnCpus guests;
    for (const auto* name : {"nova1", "nova2", "nova3", "nova4"}) {
        guests.push_back({name, cpus("4,36")});
    }
    EXPECT_TRUE(says(db, ReasonCode::foreign_load, {{"guests", guests}}));
    EXPECT_TRUE(plan.domains.front().claim.empty());
    EXPECT_TRUE(
        says(plan.domains.front(), ReasonCode::foreign_pins, {{"load", cpus("4-31,36-63")}}));
}

TEST(ForeignLoad, IsAvoidedWhereNothingElseDiffers)
{
    const auto floats = foreign("floats", {"1-4,9-12", "1-4,9-12"});
    const auto plan = plan_on(host(), {floats, domain("vm", 4)});
    EXPECT_EQ(vcpu_cpus(plan.domains[1]), cpus("5-6,13-14"));
    const auto two_l3s = regular_host({.l3s = 2, .cores = 4});
    const auto on_second = foreign("floats", {"4-7,12-15", "4-7,12-15"});
    EXPECT_EQ(vcpu_cpus(plan_on(two_l3s, {on_second, domain("vm", 4)}).domains[1]),
              cpus("1-2,9-10"))
        << "housekeeping is a neighbour, too, and nobody floats there";
}

TEST(ForeignLoad, CountsWhereSharedDomainsFloat)
{
    const auto host = two_nodes();
    const auto floats = shared("vm", 2);
    const auto quiet = plan_on(host, {floats}).domains.front();
    ASSERT_TRUE(host.nodes[1].cpus.includes(vcpu_cpus(quiet)));
    const std::string node1 = host.nodes[1].cpus.str();
    const auto busy = foreign("busy", {node1, node1, node1, node1, node1, node1});
    EXPECT_TRUE(host.nodes[0].cpus.includes(vcpu_cpus(plan_on(host, {busy, floats}).domains[1])));
}

TEST(ForeignLoad, OfADomainThatIsShutOffIsNone)
{
    auto floats = foreign("floats", {"1-4,9-12", "1-4,9-12"});
    floats.activity = Activity::dormant;
    const auto plan = plan_on(host(), {floats, domain("vm", 4)});
    EXPECT_EQ(vcpu_cpus(plan.domains[1]), cpus("1-2,9-10"));
}

TEST(ForeignLoad, PinsAsWideAsTheGuestAreAClaim)
{
    const auto claims = foreign("claims", {"1-4,9-12", "1-4,9-12", "1-4,9-12", "1-4,9-12",
                                           "1-4,9-12", "1-4,9-12", "1-4,9-12", "1-4,9-12"});
    const auto plan = plan_on(host(), {claims, domain("vm", 6)});
    EXPECT_EQ(plan.domains[0].claim, cpus("1-4,9-12"));
    EXPECT_EQ(vcpu_cpus(plan.domains[1]), cpus("5-7,13-15"));
}

TEST(ForeignPins, AreClaimed)
{
    const auto other = foreign("other", {"6", "18"});
    const auto plan = plan_on(ryzen(), {other, threaded("win11", 6)});
    EXPECT_EQ(plan.domains[0].placement, Placement::none);
    EXPECT_EQ(plan.domains[0].claim, cpus("6,18"));
    EXPECT_EQ(plan.domains[1].claim.size(), 12U);
    EXPECT_TRUE(says(plan.domains[1], ReasonCode::spans_l3s));
    EXPECT_TRUE(says(plan.domains[1], ReasonCode::to_do_better));
}

TEST(ForeignPins, OfDomainsThatAreShutOffAreNotClaimedAndToldOf)
{
    auto other = foreign("other", {"6", "18"});
    other.activity = Activity::dormant;
    const auto plan = plan_on(ryzen(), {other, threaded("win11", 6)});
    EXPECT_TRUE(plan.domains[0].claim.empty());
    EXPECT_TRUE(says(plan.domains[0], ReasonCode::foreign_pins));
    EXPECT_FALSE(says(plan.domains[0], ReasonCode::hands_off));
    EXPECT_EQ(plan.domains[1].claim, cpus("6-11,18-23"));
}

} // namespace
} // namespace virtpind::test
