// SPDX-License-Identifier: LGPL-2.1-or-later
// The request is checked before a plan is made, and the plan after.
#include "tests/support/plan_case.hpp"

#include <gtest/gtest.h>

namespace virtpind::test {
namespace {

TEST(ValidateRequest, NamesTheField)
{
    const auto host = ryzen();
    const auto message = [&host](Intent intent) {
        const auto result = validate_request({.topology = &host, .intents = {std::move(intent)}});
        return result ? std::string{} : result.error().message;
    };
    auto wrong_topology = threaded("vm", 2);
    wrong_topology.vcpus_max = 6;
    EXPECT_NE(message(wrong_topology).find("domains[0].topology"), std::string::npos);
    auto wrong_cpus = domain("vm", 2);
    wrong_cpus.policy.cpus = cpus("30");
    EXPECT_NE(message(wrong_cpus).find("domains[0].policy.cpus"), std::string::npos);
    auto overlap = domain("vm", 4);
    overlap.cells = {{.id = 0, .vcpus = VcpuSet::range(0, 2)},
                     {.id = 1, .vcpus = VcpuSet::range(2, 3)}};
    EXPECT_NE(message(overlap).find("domains[0].cells[1].vcpus"), std::string::npos);
    EXPECT_EQ(message(domain("vm", 2)), "");
    const auto twice =
        validate_request({.topology = &host, .intents = {domain("vm", 1), domain("vm", 1)}});
    ASSERT_FALSE(twice.ok());
    EXPECT_NE(twice.error().message.find("domains[1].uuid"), std::string::npos);
}

TEST(PlanCheck, NoticesSharedDomainsThatFloatElsewhere)
{
    const auto host = two_nodes();
    auto vm = shared("s", 2);
    vm.policy.cpus = cpus("4-7");
    vm.policy.numa = NumaChoice::single;
    vm.activity = Activity::running;
    vm.memory_locked = true;
    vm.memory_nodes = {NodeId{1}};
    const PlanRequest request{.topology = &host, .intents = {vm, domain("d", 2)}};
    const auto broken_by = [&request](const CpuSet& pin) {
        auto plan = make_plan(request);
        EXPECT_TRUE(check_plan(request, plan).empty());
        for (auto& [vcpu, floats] : plan.domains[0].vcpus) {
            floats = pin;
        }
        return !check_plan(request, plan).empty();
    };
    EXPECT_FALSE(broken_by(cpus("5-7")));
    EXPECT_TRUE(broken_by(cpus("5-7,13"))); // beyond `cpus`
    EXPECT_TRUE(broken_by(cpus("2-3")));    // away from its memory
    EXPECT_TRUE(broken_by(cpus("0,8")));    // housekeeping
}

TEST(PlanCheck, NoticesVcpusThatTheOptionDeviceRulesOut)
{
    const auto host = two_nodes();
    auto vm = domain("vm", 4);
    vm.devices = {{.label = "0000:81:00.0", .nodes = {NodeId{1}}}};
    PlanRequest request{.topology = &host, .housekeeping = CpuSet{}, .intents = {vm}};
    request.intents[0].policy.cpus = cpus("0-3");
    const auto plan = make_plan(request);
    EXPECT_TRUE(check_plan(request, plan).empty());
    for (const auto choice : {DeviceChoice::require, DeviceChoice::package}) {
        request.intents[0].policy.device = choice;
        EXPECT_FALSE(check_plan(request, plan).empty());
    }
}

TEST(PlanCheck, NoticesThreadsOnTheClaimOfTheirOwnDomain)
{
    const auto host = ryzen();
    PlanRequest request{.topology = &host, .intents = {threaded("a", 2)}};
    auto plan = make_plan(request);
    auto& emulator = plan.domains.front().emulator;
    emulator = plan.domains.front().claim;
    EXPECT_FALSE(check_plan(request, plan).empty());
    request.intents.front().policy.emulator.mode = ThreadChoice::Mode::vcpus;
    EXPECT_TRUE(check_plan(request, plan).empty());
}

TEST(PlanCheck, NoticesAKindThatIsCrossedSilently)
{
    const auto host = hybrid_host(4, 8);
    PlanRequest request{
        .topology = &host, .housekeeping = cpus("0-1,8"), .intents = {domain("a", 7)}};
    auto plan = make_plan(request);
    ASSERT_TRUE(check_plan(request, plan).empty());
    plan.domains.front().satisfied = true;
    EXPECT_FALSE(check_plan(request, plan).empty());
    plan.domains.front().satisfied = false;
    request.intents.front().policy.fallback = Fallback::fail;
    EXPECT_FALSE(check_plan(request, plan).empty());
}

TEST(PlanCheck, NoticesTwoVcpusOnACoreThatIsSaidToBeOfOne)
{
    const auto host = ryzen();
    auto vm = domain("a", 2);
    vm.topology = GuestTopology{.cores = 2, .threads = 1};
    const PlanRequest request{.topology = &host, .intents = {vm}};
    auto plan = make_plan(request);
    ASSERT_TRUE(check_plan(request, plan).empty());
    auto& pins = plan.domains.front().vcpus;
    const auto first = pins.at(VcpuId{0}).front();
    const auto sibling = CpuSet{CpuId{raw(first) + 12}};
    plan.domains.front().claim -= pins.at(VcpuId{1});
    plan.domains.front().claim |= sibling;
    pins.at(VcpuId{1}) = sibling;
    EXPECT_FALSE(check_plan(request, plan).empty());
}

TEST(PlanCheck, NoticesOfflineVcpusBesideTheirCell)
{
    const auto host = two_nodes();
    auto vm = domain("vm", 6);
    vm.vcpus_online = {VcpuId{0}, VcpuId{3}};
    vm.cells = {{.id = 0, .vcpus = VcpuSet::range(0, 2)}, {.id = 1, .vcpus = VcpuSet::range(3, 5)}};
    const PlanRequest request{.topology = &host, .intents = {vm}};
    auto plan = make_plan(request);
    ASSERT_TRUE(check_plan(request, plan).empty());
    plan.domains[0].vcpus[VcpuId{5}] = plan.domains[0].vcpus[VcpuId{0}];
    EXPECT_FALSE(check_plan(request, plan).empty());
}

TEST(PlanCheck, NoticesABrokenPlan)
{
    const auto host = ryzen();
    const PlanRequest request{.topology = &host, .intents = {threaded("a", 2), threaded("b", 2)}};
    auto plan = make_plan(request);
    ASSERT_TRUE(check_plan(request, plan).empty());
    plan.domains[1].claim |= plan.domains[0].claim;
    EXPECT_FALSE(check_plan(request, plan).empty());
    plan = make_plan(request);
    plan.domains[0].vcpus[VcpuId{0}] = plan.domains[0].vcpus[VcpuId{1}];
    EXPECT_FALSE(check_plan(request, plan).empty());
    plan = make_plan(request);
    plan.domains[0].vcpus.erase(VcpuId{0});
    EXPECT_FALSE(check_plan(request, plan).empty());
    plan.domains[0].vcpus.clear();
    EXPECT_FALSE(check_plan(request, plan).empty());
    plan = make_plan(request);
    plan.domains[0].emulator = {};
    EXPECT_FALSE(check_plan(request, plan).empty());
}

TEST(PlanCheck, NoticesHousekeepingThatIsGoneOrGivesWayTooFar)
{
    const auto host = ryzen();
    PlanRequest request{.topology = &host, .intents = {threaded("a", 2)}};
    auto plan = make_plan(request);
    plan.housekeeping = {};
    EXPECT_FALSE(check_plan(request, plan).empty());
    plan = make_plan(request);
    plan.domains[0].housekeeping = cpus("5"); // it is not shut off
    EXPECT_FALSE(check_plan(request, plan).empty());
    request.housekeeping = cpus("0,12");
    plan = make_plan(request);
    plan.yielded = cpus("1"); // of a list
    EXPECT_FALSE(check_plan(request, plan).empty());
}

} // namespace
} // namespace virtpind::test
