// SPDX-License-Identifier: LGPL-2.1-or-later
// What a user would check of a plan, on hosts they have.
#include "daemon/planner/housekeeping.hpp"
#include "daemon/planner/plan_check.hpp"
#include "daemon/planner/planner.hpp"
#include "daemon/planner/validate.hpp"
#include "tests/support/topology_builder.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace virtpind {
namespace {

using test::hybrid_host;
using test::regular_host;

CpuSet cpus(std::string_view text)
{
    return *CpuSet::parse(text);
}

// Two CCDs of six cores, siblings N and N+12.
Topology ryzen()
{
    return regular_host({.l3s = 2, .cores = 6});
}

Topology two_nodes()
{
    return regular_host({.packages = 2, .cores = 4});
}

Intent domain(std::string name, std::uint32_t vcpus)
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

Intent threaded(std::string name, std::uint32_t cores)
{
    auto intent = domain(std::move(name), 2 * cores);
    intent.topology = GuestTopology{.cores = cores, .threads = 2};
    return intent;
}

Plan plan_on(const Topology& host, std::vector<Intent> intents,
             std::optional<CpuSet> housekeeping = std::nullopt)
{
    const PlanRequest request{
        .topology = &host, .housekeeping = std::move(housekeeping), .intents = std::move(intents)};
    EXPECT_TRUE(validate_request(request).ok());
    auto plan = make_plan(request);
    EXPECT_EQ(check_plan(request, plan), std::vector<std::string>{});
    return plan;
}

CpuSet vcpu_cpus(const DomainPlan& plan)
{
    CpuSet all;
    for (const auto& [vcpu, pin] : plan.vcpus) {
        all |= pin;
    }
    return all;
}

bool tells(const DomainPlan& plan, ReasonCode code)
{
    return std::any_of(plan.reasons.begin(), plan.reasons.end(),
                       [code](const Reason& reason) { return reason.code == code; });
}

// All that is said of it, a line each.
std::string text_of(const DomainPlan& plan)
{
    std::string all;
    for (const auto& reason : plan.reasons) {
        all += reason.text + "\n";
    }
    return all;
}

bool says(const DomainPlan& plan, std::string_view words)
{
    return text_of(plan).find(words) != std::string::npos;
}

TEST(Planner, guest_of_one_ccd_gets_the_other_ccd_with_siblings_in_order)
{
    const auto plan = plan_on(ryzen(), {threaded("win11", 6)});
    EXPECT_EQ(plan.housekeeping, cpus("0,12"));
    EXPECT_EQ(plan.pool, cpus("1-5,13-17"));
    const auto& win11 = plan.domains.front();
    EXPECT_EQ(win11.placement, Placement::dedicated);
    EXPECT_EQ(win11.claim, cpus("6-11,18-23"));
    for (std::uint32_t core = 0; core < 6; ++core) {
        EXPECT_EQ(win11.vcpus.at(VcpuId{2 * core}), CpuSet{CpuId{6 + core}});
        EXPECT_EQ(win11.vcpus.at(VcpuId{2 * core + 1}), CpuSet{CpuId{18 + core}});
    }
    EXPECT_EQ(win11.emulator, cpus("0,12"));
    EXPECT_TRUE(win11.optimal);
    const Cost expected{.nodes = 1, .packages = 1, .l3 = 1, .broken = {0, 1, 6}};
    EXPECT_EQ(win11.cost, expected);
    EXPECT_TRUE(tells(win11, ReasonCode::fits_one_l3));
}

TEST(Planner, one_of_something_is_singular)
{
    auto small = domain("small", 1);
    EXPECT_TRUE(says(plan_on(ryzen(), {small}).domains.front(), "The vCPU is on node 0."));
    small.policy.placement = Placement::shared;
    EXPECT_TRUE(says(plan_on(ryzen(), {small}).domains.front(), "1 vCPU floats on "));
}

TEST(Planner, adjacent_numbering_is_followed_too)
{
    const auto host = regular_host({.cores = 4, .numbering = test::Numbering::adjacent});
    const auto plan = plan_on(host, {threaded("vm", 2)});
    EXPECT_EQ(plan.domains.front().vcpus.at(VcpuId{0}), cpus("2"));
    EXPECT_EQ(plan.domains.front().vcpus.at(VcpuId{1}), cpus("3"));
}

TEST(Planner, odd_vcpus_are_charged_whole_cores)
{
    auto vm = domain("vm", 3);
    vm.policy.smt = SmtChoice::require;
    EXPECT_EQ(plan_on(ryzen(), {vm}).domains.front().claim.size(), 4U);
    vm.policy.smt = SmtChoice::isolate;
    const auto isolated = plan_on(ryzen(), {vm}).domains.front();
    EXPECT_EQ(isolated.claim.size(), 6U);
    EXPECT_EQ(vcpu_cpus(isolated).size(), 3U);
}

TEST(Planner, spread_leaves_the_siblings_usable)
{
    auto vm = domain("vm", 3);
    vm.policy.smt = SmtChoice::spread;
    const auto plan = plan_on(ryzen(), {vm}).domains.front();
    EXPECT_EQ(plan.claim.size(), 3U);
    EXPECT_EQ(plan.cost.split, 3U);
}

TEST(Planner, devices_pull_to_their_node)
{
    auto vm = domain("vm", 4);
    vm.devices = {{.label = "0000:81:00.0", .nodes = {NodeId{1}}}};
    auto host = two_nodes();
    const auto plan = plan_on(host, {vm}, CpuSet{}).domains.front();
    EXPECT_EQ(host.nodes_of(plan.claim), NodeSet{NodeId{1}});
    EXPECT_TRUE(tells(plan, ReasonCode::near_device));
    EXPECT_EQ(plan.numatune->nodes, NodeSet{NodeId{1}});
    EXPECT_EQ(plan.numatune->mode, NumaMode::restrictive);
}

TEST(Planner, without_devices_the_node_with_io_is_left_alone)
{
    auto host = two_nodes();
    host.nodes[0].has_io = true;
    const auto plan = plan_on(host, {domain("vm", 4)}, CpuSet{}).domains.front();
    EXPECT_EQ(host.nodes_of(plan.claim), NodeSet{NodeId{1}});
    EXPECT_TRUE(tells(plan, ReasonCode::avoids_device_node));
}

TEST(Planner, free_memory_decides_the_node)
{
    auto host = two_nodes();
    host.nodes[0].free_memory_kib = 1000;
    host.nodes[1].free_memory_kib = 5000;
    auto vm = domain("vm", 4);
    vm.memory_kib = 4000;
    EXPECT_EQ(host.nodes_of(plan_on(host, {vm}, CpuSet{}).domains.front().claim),
              NodeSet{NodeId{1}});
    vm.policy.numa = NumaChoice::single;
    vm.memory_kib = 5500;
    EXPECT_FALSE(plan_on(host, {vm}, CpuSet{}).domains.front().satisfied);
}

TEST(Planner, memory_of_newcomers_adds_up)
{
    auto host = two_nodes();
    host.nodes[0].free_memory_kib = 5000;
    host.nodes[1].free_memory_kib = 5000;
    std::vector<Intent> intents{domain("a", 2), domain("b", 2)};
    for (auto& intent : intents) {
        intent.memory_kib = 3000;
    }
    const auto plan = plan_on(host, intents, CpuSet{});
    EXPECT_NE(host.nodes_of(plan.domains[0].claim), host.nodes_of(plan.domains[1].claim));
}

TEST(Planner, hugepages_decide_the_node)
{
    auto host = two_nodes();
    host.nodes[0].hugepages = {{.page_kib = 2048, .total = 1, .free = 1}};
    host.nodes[1].hugepages = {{.page_kib = 2048, .total = 8, .free = 8}};
    auto vm = domain("vm", 4);
    vm.memory_kib = 8192;
    vm.hugepage_kib = 2048;
    EXPECT_EQ(host.nodes_of(plan_on(host, {vm}, CpuSet{}).domains.front().claim),
              NodeSet{NodeId{1}});
}

TEST(Planner, cells_go_whole_to_nodes_and_their_memory_with_them)
{
    auto host = two_nodes();
    auto vm = domain("vm", 12);
    vm.cells = {{.id = 0, .vcpus = VcpuSet::range(0, 7)},
                {.id = 1, .vcpus = VcpuSet::range(8, 11)}};
    const auto plan = plan_on(host, {vm}, CpuSet{}).domains.front();
    EXPECT_EQ(plan.cost.nodes, 2U);
    EXPECT_TRUE(plan.optimal);
    const auto big = *plan.numatune->cells.at(0).begin();
    const auto small = *plan.numatune->cells.at(1).begin();
    EXPECT_NE(big, small);
    for (std::uint32_t vcpu = 0; vcpu < 12; ++vcpu) {
        EXPECT_EQ(host.nodes_of(plan.vcpus.at(VcpuId{vcpu})), NodeSet{vcpu < 8 ? big : small});
    }
}

TEST(Planner, kinds_do_not_mix_and_efficiency_cores_serve_the_emulator)
{
    const auto host = hybrid_host(6, 8); // 0-11, 12-19
    const auto plan = plan_on(host, {threaded("win11", 5), domain("db", 6)});
    EXPECT_EQ(plan.housekeeping, cpus("0-1,12"));
    EXPECT_EQ(plan.domains[0].claim, cpus("2-11"));
    EXPECT_EQ(plan.domains[0].emulator, cpus("12"));
    EXPECT_EQ(plan.domains[1].claim, cpus("13-18"));
    EXPECT_EQ(plan.domains[1].cost.kind, 6U);
}

TEST(Planner, who_must_take_another_kind_comes_after_those_who_wish_for_that)
{
    const auto host = hybrid_host(6, 8); // 0-11, 12-19; housekeeping 0-1,12
    auto small = domain("batch", 9);     // there are seven efficiency cores for it
    small.policy.cores = CoreChoice::efficiency;
    const auto plan = plan_on(host, {small, threaded("game", 4)});
    EXPECT_TRUE(plan.domains[1].satisfied);
    EXPECT_TRUE(cpus("2-11").includes(plan.domains[1].claim)) << plan.domains[1].claim.str();
    EXPECT_FALSE(plan.domains[0].satisfied);
    EXPECT_TRUE(plan_on(host, {small}).domains[0].satisfied) << "alone it may have the others";
}

TEST(Planner, vcache_is_preferred_where_it_fits)
{
    auto host = regular_host({.l3s = 2, .cores = 8});
    host.l3s[0].vcache = true;
    host.l3s[0].size_bytes *= 3;
    const auto small = plan_on(host, {threaded("game", 7)}).domains.front();
    EXPECT_EQ(small.claim, cpus("1-7,17-23"));
    EXPECT_TRUE(tells(small, ReasonCode::vcache_chosen));
    EXPECT_EQ(plan_on(host, {threaded("game", 8)}).domains.front().claim, cpus("8-15,24-31"));
}

TEST(Planner, cache_passthrough_on_unlike_caches_starts_the_emulator_on_its_own_l3)
{
    auto host = regular_host({.l3s = 2, .cores = 8});
    host.l3s[0].size_bytes *= 3;
    auto vm = threaded("game", 4);
    vm.policy.tune = {Tune::cache_passthrough};
    const auto plan = plan_on(host, {vm}).domains.front();
    ASSERT_TRUE(plan.start_emulator.has_value());
    EXPECT_EQ(*plan.start_emulator, vcpu_cpus(plan));
    EXPECT_EQ(plan.emulator, cpus("0,16"));
}

TEST(Planner, threads_fixed_to_cpus_of_others_are_told_to_both)
{
    auto owner = domain("owner", 2);
    owner.policy.cpus = cpus("6,18");
    auto guest = domain("guest", 2);
    guest.policy.emulator = {.mode = ThreadChoice::Mode::fixed, .cpus = cpus("6-7")};
    const auto plan = plan_on(ryzen(), {owner, guest});
    EXPECT_EQ(plan.domains[1].emulator, cpus("6-7"));
    EXPECT_TRUE(tells(plan.domains[0], ReasonCode::claim_has_threads));
    EXPECT_FALSE(tells(plan.domains[0], ReasonCode::threads_on_claim));
    EXPECT_TRUE(tells(plan.domains[1], ReasonCode::threads_on_claim));
    EXPECT_FALSE(tells(plan.domains[1], ReasonCode::claim_has_threads));
}

TEST(Planner, threads_fixed_to_cpus_that_are_off_say_so)
{
    auto host = ryzen();
    host.cpus[5].online = false;
    auto vm = domain("vm", 2);
    vm.policy.emulator = {.mode = ThreadChoice::Mode::fixed, .cpus = cpus("5")};
    const auto plan = plan_on(host, {vm}).domains.front();
    EXPECT_EQ(plan.emulator, cpus("0,12"));
    EXPECT_TRUE(tells(plan, ReasonCode::fixed_cpus_unusable));
}

TEST(Planner, own_emulator_and_iothreads_get_a_core_each)
{
    auto vm = threaded("vm", 2);
    vm.iothreads = {IothreadId{1}, IothreadId{2}};
    vm.policy.emulator.mode = ThreadChoice::Mode::own;
    vm.policy.iothreads.mode = ThreadChoice::Mode::own;
    const auto plan = plan_on(ryzen(), {vm}).domains.front();
    EXPECT_EQ(plan.emulator.size(), 2U);
    EXPECT_FALSE(plan.emulator.intersects(vcpu_cpus(plan)));
    EXPECT_FALSE(plan.emulator.intersects(plan.iothreads.at(IothreadId{1})));
    EXPECT_EQ(plan.claim.size(), 8U);
}

TEST(Planner, half_a_core_is_not_a_core_of_their_own)
{
    const auto host = regular_host({.cores = 2, .numbering = test::Numbering::adjacent});
    auto vm = domain("vm", 1);
    vm.policy.emulator.mode = ThreadChoice::Mode::own;
    const auto denied = plan_on(host, {vm}).domains.front();
    EXPECT_FALSE(denied.satisfied);
    EXPECT_TRUE(tells(denied, ReasonCode::no_own_core));
    const auto larger = regular_host({.cores = 3, .numbering = test::Numbering::adjacent});
    vm.policy.cpus = cpus("2,4");
    const auto given = plan_on(larger, {vm}).domains.front();
    EXPECT_EQ(given.vcpus.at(VcpuId{0}), cpus("2"));
    EXPECT_EQ(given.emulator, cpus("4"));
    EXPECT_EQ(given.claim, cpus("2,4-5"));
}

TEST(Planner, a_core_that_was_only_tried_is_nobodys_own)
{
    const auto host = regular_host({.cores = 4, .threads = 1});
    auto vm = domain("vm", 2);
    vm.iothreads = {IothreadId{1}};
    vm.policy.emulator.mode = ThreadChoice::Mode::own;
    vm.policy.iothreads.mode = ThreadChoice::Mode::own; // there is a core for one of the two
    for (const auto activity : {Activity::arriving, Activity::running, Activity::dormant}) {
        vm.activity = activity;
        const auto plan = plan_on(host, {vm}, cpus("0")).domains.front();
        EXPECT_EQ(plan.placement, Placement::shared);
        EXPECT_TRUE(plan.claim.empty());
        EXPECT_EQ(plan.emulator, vcpu_cpus(plan)) << "it floats with them";
        EXPECT_FALSE(tells(plan, ReasonCode::emulator_own));
        EXPECT_TRUE(tells(plan, ReasonCode::own_core_denied));
    }
}

TEST(Planner, vcpus_leave_the_last_whole_core_to_threads_that_need_one)
{
    const auto host =
        regular_host({.packages = 2, .cores = 2, .numbering = test::Numbering::adjacent});
    auto other = domain("other", 1);
    other.policy.cpus = cpus("2");
    auto vm = domain("vm", 1);
    vm.policy.emulator.mode = ThreadChoice::Mode::own;
    vm.devices = {{.label = "0000:81:00.0", .nodes = {NodeId{1}}}}; // where that core is
    const auto plan = plan_on(host, {other, vm}, cpus("0,6-7")).domains.back();
    EXPECT_EQ(plan.placement, Placement::dedicated);
    EXPECT_TRUE(plan.satisfied);
    EXPECT_EQ(plan.emulator, cpus("4-5"));
    EXPECT_FALSE(plan.optimal) << "that is not proven";
    vm.iothreads = {IothreadId{1}};
    vm.policy.iothreads.mode = ThreadChoice::Mode::own;
    EXPECT_TRUE(
        tells(plan_on(host, {other, vm}, cpus("0,6-7")).domains.back(), ReasonCode::no_own_core))
        << "there is one only";
}

TEST(Planner, thread_whose_sibling_nobody_may_use_is_a_core_of_their_own)
{
    auto host = regular_host({.cores = 3, .numbering = test::Numbering::adjacent});
    host.cpus.front().allowed = false;
    auto vm = domain("vm", 2);
    vm.policy.smt = SmtChoice::isolate; // takes both whole cores
    vm.policy.emulator.mode = ThreadChoice::Mode::own;
    const auto plan = plan_on(host, {vm}, CpuSet{}).domains.front();
    EXPECT_TRUE(plan.satisfied);
    EXPECT_EQ(plan.emulator, cpus("1"));
}

TEST(Planner, half_a_core_is_kept_only_by_who_stays_in_its_place)
{
    const auto host = regular_host({.cores = 3, .numbering = test::Numbering::adjacent});
    auto vm = domain("vm", 1);
    vm.policy.smt = SmtChoice::require;
    vm.policy.emulator.mode = ThreadChoice::Mode::own;
    vm.activity = Activity::running;
    vm.current.emulator = cpus("4");
    vm.current.vcpus[VcpuId{0}] = cpus("2-4"); // floats, as there is no whole core beside its own
    EXPECT_EQ(plan_on(host, {vm}, cpus("0-1,5")).domains.front().placement, Placement::shared);
    vm.current.vcpus[VcpuId{0}] = cpus("2");
    const auto stays = plan_on(host, {vm}, cpus("0-1,5")).domains.front();
    EXPECT_EQ(stays.placement, Placement::dedicated);
    EXPECT_EQ(stays.emulator, cpus("4"));
}

TEST(Planner, offline_vcpus_wait_on_the_domains_own_cpus)
{
    auto vm = domain("vm", 2);
    vm.vcpus_max = 4;
    const auto plan = plan_on(ryzen(), {vm}).domains.front();
    EXPECT_EQ(plan.vcpus.at(VcpuId{3}), plan.claim);
    EXPECT_EQ(plan.online, VcpuSet::range(0, 1));
}

TEST(Planner, foreign_pins_are_claimed)
{
    auto other = domain("other", 2);
    other.stance = Stance::foreign;
    other.activity = Activity::running;
    other.current.vcpus = {{VcpuId{0}, cpus("6")}, {VcpuId{1}, cpus("18")}};
    const auto plan = plan_on(ryzen(), {other, threaded("win11", 6)});
    EXPECT_EQ(plan.domains[0].placement, Placement::none);
    EXPECT_EQ(plan.domains[0].claim, cpus("6,18"));
    EXPECT_EQ(plan.domains[1].claim.size(), 12U);
    EXPECT_TRUE(tells(plan.domains[1], ReasonCode::spans_l3s));
    EXPECT_TRUE(tells(plan.domains[1], ReasonCode::to_do_better));
}

TEST(Planner, foreign_domains_that_are_shut_off_claim_nothing_and_say_so)
{
    auto other = domain("other", 2);
    other.stance = Stance::foreign;
    other.activity = Activity::dormant;
    other.current.vcpus = {{VcpuId{0}, cpus("6")}, {VcpuId{1}, cpus("18")}};
    const auto plan = plan_on(ryzen(), {other, threaded("win11", 6)});
    EXPECT_TRUE(plan.domains[0].claim.empty());
    EXPECT_TRUE(tells(plan.domains[0], ReasonCode::foreign_pins));
    EXPECT_FALSE(tells(plan.domains[0], ReasonCode::hands_off));
    EXPECT_EQ(plan.domains[1].claim, cpus("6-11,18-23"));
}

TEST(Planner, running_domains_stay_when_somebody_arrives)
{
    auto old = threaded("old", 2);
    old.activity = Activity::running;
    old.current.vcpus = {{VcpuId{0}, cpus("8")},
                         {VcpuId{1}, cpus("20")},
                         {VcpuId{2}, cpus("9")},
                         {VcpuId{3}, cpus("21")}};
    auto newcomer = threaded("new", 5);
    newcomer.policy.priority = 5;
    const auto plan = plan_on(ryzen(), {old, newcomer});
    EXPECT_EQ(plan.domains[0].claim, cpus("8-9,20-21"));
    EXPECT_TRUE(tells(plan.domains[0], ReasonCode::kept_in_place));
    EXPECT_EQ(plan.domains[1].claim, cpus("1-5,13-17"));
}

TEST(Planner, who_is_spread_unevenly_hears_what_would_even_it)
{
    auto other = domain("other", 2);
    other.activity = Activity::running;
    other.current.vcpus = {{VcpuId{0}, cpus("0")}, {VcpuId{1}, cpus("1")}};
    auto even = domain("even", 8);
    even.policy.numa = NumaChoice::spread;
    const auto host = regular_host({.packages = 2, .cores = 5, .threads = 1});
    const auto plan = plan_on(host, {other, even}, CpuSet{}).domains[1];
    const auto advice =
        std::find_if(plan.reasons.begin(), plan.reasons.end(),
                     [](const Reason& reason) { return reason.code == ReasonCode::to_do_better; });
    ASSERT_NE(advice, plan.reasons.end());
    EXPECT_NE(advice->text.find("more evenly"), std::string::npos) << advice->text;
}

std::string text_of(const DomainPlan& plan, ReasonCode code)
{
    const auto at = std::find_if(plan.reasons.begin(), plan.reasons.end(),
                                 [code](const Reason& reason) { return reason.code == code; });
    return at != plan.reasons.end() ? at->text : "";
}

TEST(Planner, a_node_without_memory_is_used_last)
{
    auto host = regular_host({.packages = 4, .cores = 4, .threads = 1});
    host.nodes[0].memory_kib = 0;
    host.nodes[2].memory_kib = 0;
    auto wide = domain("wide", 8);
    wide.memory_kib = 8U << 20U;
    EXPECT_EQ(host.nodes_of(plan_on(host, {wide}, CpuSet{}).domains[0].claim),
              (NodeSet{NodeId{1}, NodeId{3}}));
    auto small = domain("small", 2); // of unknown memory
    EXPECT_EQ(host.nodes_of(plan_on(host, {small}, CpuSet{}).domains[0].claim), NodeSet{NodeId{1}});
    wide.vcpus_max = 12;
    wide.vcpus_online = VcpuSet::range(0, 11);
    const auto wider = plan_on(host, {wide}, CpuSet{}).domains[0];
    EXPECT_EQ(wider.cost.device, 4U);
    EXPECT_TRUE(wider.optimal);
}

TEST(Planner, a_guest_shaped_like_its_cpus_gets_equal_parts_of_them)
{
    const auto host = regular_host({.packages = 2, .l3s = 2, .cores = 4});
    auto vm = threaded("vm", 6); // an L3 holds 8 vCPUs, a node 16
    const auto on_l3 = [&](const DomainPlan& plan, std::size_t l3) {
        return plan.claim.common(host.l3s[l3].cpus);
    };
    auto plan = plan_on(host, {vm}, CpuSet{}).domains[0];
    EXPECT_EQ(std::max(on_l3(plan, 0), on_l3(plan, 1)), 8U);
    vm.policy.topology = TopologyChoice::match;
    plan = plan_on(host, {vm}, CpuSet{}).domains[0];
    EXPECT_EQ(on_l3(plan, 0), 6U);
    EXPECT_EQ(on_l3(plan, 1), 6U);
    EXPECT_TRUE(plan.optimal);
    auto wide = threaded("wide", 12);
    wide.policy.topology = TopologyChoice::match;
    const auto big_l3s = regular_host({.packages = 2, .cores = 8});
    plan = plan_on(big_l3s, {wide}, CpuSet{}).domains[0];
    EXPECT_EQ(plan.claim.common(big_l3s.nodes[0].cpus), 12U);
}

TEST(Planner, who_would_fit_but_for_housekeeping_is_told_so)
{
    auto vm = threaded("vm", 4);
    vm.devices = {{.label = "0000:81:00.0", .nodes = {NodeId{1}}}};
    const auto plan = plan_on(two_nodes(), {vm}, cpus("0,4,8,12")).domains.front();
    EXPECT_TRUE(says(plan, "It would fit node 1 but for housekeeping (4,12), which the"))
        << text_of(plan);
    vm = threaded("vm", 5);
    EXPECT_TRUE(says(plan_on(two_nodes(), {vm}, cpus("0,8")).domains.front(),
                     "No NUMA node of this host is large enough: with at most 8 vCPUs"));
}

TEST(Planner, who_is_near_some_of_its_devices_only_is_told_so)
{
    auto vm = domain("vm", 2);
    vm.devices = {{.label = "04:00.0", .nodes = {NodeId{0}}},
                  {.label = "14:00.0", .nodes = {NodeId{1}}}};
    const auto text =
        text_of(plan_on(two_nodes(), {vm}, CpuSet{}).domains[0], ReasonCode::near_device);
    EXPECT_NE(text.find("the others are on node"), std::string::npos) << text;
}

TEST(Planner, who_else_is_on_its_l3_is_said_as_it_is)
{
    const auto host = regular_host({.l3s = 2, .cores = 4});
    auto floats = domain("floats", 2);
    floats.policy.placement = Placement::shared;
    const auto alone = plan_on(host, {domain("a", 4), floats}).domains[0];
    EXPECT_NE(text_of(alone, ReasonCode::l3_alone).find("in the pool"), std::string::npos);
    const auto full = plan_on(host, {domain("a", 8)}).domains[0];
    EXPECT_EQ(text_of(full, ReasonCode::l3_alone), "Nobody else uses its L3s.");
    const auto both = plan_on(host, {domain("a", 8), domain("b", 2)}).domains[1];
    EXPECT_NE(text_of(both, ReasonCode::l3_shared).find("housekeeping (0,8)"), std::string::npos);
}

TEST(Planner, memory_that_keeps_a_domain_from_better_is_named)
{
    auto host = two_nodes(); // 16 GiB each
    host.nodes[0].free_memory_kib = 4U << 20U;
    host.nodes[1].free_memory_kib = 4U << 20U;
    auto vm = domain("vm", 4);
    vm.memory_kib = 6U << 20U;
    const auto plan = plan_on(host, {vm}, CpuSet{}).domains[0];
    ASSERT_EQ(plan.cost.nodes, 2U);
    EXPECT_NE(text_of(plan, ReasonCode::memory_short).find("6144 MiB of free memory on node 0"),
              std::string::npos)
        << text_of(plan, ReasonCode::memory_short);
    EXPECT_FALSE(tells(plan, ReasonCode::to_do_better)) << "it is not others' CPUs";
}

TEST(Planner, memory_that_no_node_has_is_not_wished_for)
{
    auto host = two_nodes(); // 16 GiB each
    auto large = domain("large", 4);
    large.memory_kib = 20U << 20U;
    const auto plan = plan_on(host, {large}).domains.front();
    EXPECT_TRUE(says(plan, "With no more memory than node 1 has (16384 MiB) it ")) << text_of(plan);
}

TEST(Planner, priority_is_offered_only_where_it_helps)
{
    auto host = two_nodes();
    auto first = domain("first", 8);
    first.devices = {{.label = "0000:81:00.0", .nodes = {NodeId{1}}}};
    auto second = first;
    second.name = "second";
    second.uuid = DomainUuid{"second"};
    auto plan = plan_on(host, {first, second}, CpuSet{}).domains[1];
    EXPECT_TRUE(says(plan, "Stop or move those, or give this domain a higher priority."));
    first.activity = Activity::running;
    std::uint32_t vcpu = 0;
    for (const auto cpu : cpus("4-7,12-15")) {
        first.current.vcpus[VcpuId{vcpu++}] = CpuSet{cpu};
    }
    plan = plan_on(host, {first, second}, CpuSet{}).domains[1];
    EXPECT_TRUE(says(plan, "Stop or move those.")) << text_of(plan); // it stays whoever comes
}

TEST(Planner, a_guest_that_takes_threads_for_cores_is_told_of)
{
    EXPECT_TRUE(tells(plan_on(ryzen(), {domain("flat", 4)}).domains[0], ReasonCode::topology_kept));
    EXPECT_FALSE(
        tells(plan_on(ryzen(), {threaded("smt", 2)}).domains[0], ReasonCode::topology_kept));
}

TEST(PlannerThreads, of_those_that_float_float_with_them)
{
    auto floats = domain("floats", 2);
    floats.policy.placement = Placement::shared;
    floats.iothreads = {IothreadId{1}};
    const auto plan = plan_on(ryzen(), {floats}).domains[0];
    EXPECT_EQ(plan.emulator, vcpu_cpus(plan));
    EXPECT_EQ(plan.iothreads.at(IothreadId{1}), vcpu_cpus(plan));
}

TEST(PlannerThreads, stay_on_the_node_when_there_is_no_housekeeping_on_it)
{
    auto vm = domain("vm", 4);
    vm.devices = {{.label = "gpu", .nodes = {NodeId{1}}}};
    auto host = regular_host({.packages = 2, .cores = 4});
    const auto near = plan_on(host, {vm}, cpus("0,8")).domains[0];
    EXPECT_EQ(host.nodes_of(near.emulator), NodeSet{NodeId{1}});
    EXPECT_FALSE(near.emulator.intersects(near.claim));
    vm.vcpus_max = 8;
    vm.vcpus_online = VcpuSet::range(0, 7);
    const auto far = plan_on(host, {vm}, cpus("0,8")).domains[0];
    EXPECT_EQ(far.emulator, cpus("0,8"));
    EXPECT_NE(text_of(far, ReasonCode::emulator_housekeeping).find("on node 0, the nearest"),
              std::string::npos);
}

TEST(PlannerThreads, of_a_dormant_domain_keep_off_its_own_claim)
{
    auto off = domain("off", 8);
    off.activity = Activity::dormant;
    off.devices = {{.label = "0000:81:00.0", .nodes = {NodeId{1}}}};
    off.iothreads = {IothreadId{1}};
    const auto whole = plan_on(two_nodes(), {off}, cpus("0,8")).domains.front();
    EXPECT_EQ(whole.claim, cpus("4-7,12-15"));
    EXPECT_EQ(whole.emulator, cpus("0,8"));
    EXPECT_EQ(whole.iothreads.at(IothreadId{1}), cpus("0,8"));
    off.vcpus_max = 4;
    off.vcpus_online = VcpuSet::range(0, 3);
    off.policy.cache = CacheChoice::alone;
    const auto half = plan_on(two_nodes(), {off}, cpus("0,8")).domains.front();
    EXPECT_EQ(half.claim, cpus("4-5,12-13"));
    EXPECT_EQ(half.emulator, cpus("6-7,14-15"));
    EXPECT_TRUE(says(half, "6-7,14-15 there are in the pool"));
}

TEST(Planner, room_is_made_for_a_newcomer_within_the_move_limit)
{
    const auto host = regular_host({.cores = 4, .threads = 1});
    auto old = domain("old", 1);
    old.activity = Activity::running;
    old.current.vcpus = {{VcpuId{0}, cpus("2")}};
    auto fixed = domain("fixed", 2);
    fixed.policy.cpus = cpus("2-3");
    EXPECT_EQ(plan_on(host, {old, fixed}, CpuSet{}).domains[1].claim, cpus("2-3"));
    old.policy.move = MoveLimit::never;
    const auto stuck = plan_on(host, {old, fixed}, CpuSet{});
    EXPECT_EQ(stuck.domains[0].claim, cpus("2"));
    EXPECT_EQ(stuck.domains[1].placement, Placement::shared);
    EXPECT_FALSE(stuck.domains[1].satisfied);
    EXPECT_TRUE(tells(stuck.domains[1], ReasonCode::to_do_better));
}

TEST(Planner, higher_priority_takes_cpus_when_they_do_not_suffice)
{
    const auto host = regular_host({.cores = 4, .threads = 1});
    auto low = domain("low", 3);
    low.activity = Activity::running;
    low.current.vcpus = {{VcpuId{0}, cpus("0")}, {VcpuId{1}, cpus("1")}, {VcpuId{2}, cpus("2")}};
    auto high = domain("high", 3);
    high.policy.priority = 1;
    const auto plan = plan_on(host, {low, high}, CpuSet{});
    EXPECT_EQ(plan.domains[0].placement, Placement::shared);
    EXPECT_EQ(plan.domains[1].placement, Placement::dedicated);
}

TEST(Planner, what_does_not_fit_floats_or_is_left_alone)
{
    auto vm = domain("vm", 30);
    EXPECT_EQ(plan_on(ryzen(), {vm}).domains.front().placement, Placement::shared);
    vm.policy.fallback = Fallback::fail;
    const auto plan = plan_on(ryzen(), {vm}).domains.front();
    EXPECT_EQ(plan.placement, Placement::none);
    EXPECT_FALSE(plan.satisfied);
    EXPECT_TRUE(tells(plan, ReasonCode::no_room));
}

// What the first reason is, and the advice.
struct Refusal {
    ReasonCode code{};
    std::string text;
    std::string advice;
};

Refusal refusal(const DomainPlan& plan)
{
    EXPECT_FALSE(plan.satisfied);
    Refusal found;
    for (const auto& reason : plan.reasons) {
        found.text = found.text.empty() ? reason.text : found.text;
        found.code = &reason == plan.reasons.data() ? reason.code : found.code;
        found.advice = reason.code == ReasonCode::to_do_better ? reason.text : found.advice;
    }
    return found;
}

TEST(Planner, misfit_names_what_to_give_up)
{
    auto own = domain("own", 6);
    own.policy.emulator.mode = ThreadChoice::Mode::own;
    const auto small = regular_host({.cores = 4});
    auto why = refusal(plan_on(small, {own}).domains.front());
    EXPECT_EQ(why.code, ReasonCode::no_own_core);
    EXPECT_NE(why.advice.find("emulator=auto or at most 4 vCPUs."), std::string::npos)
        << why.advice;

    auto host = two_nodes();
    host.nodes[0].hugepages = {{.page_kib = 2048, .total = 8, .free = 8}};
    auto huge = domain("huge", 4);
    huge.policy.smt = SmtChoice::require;
    huge.memory_kib = 65536;
    huge.hugepage_kib = 2048;
    why = refusal(plan_on(host, {huge}).domains.front());
    EXPECT_EQ(why.code, ReasonCode::memory_short);
    EXPECT_NE(why.text.find("64 MiB of free hugepages of 2048 KiB"), std::string::npos) << why.text;

    auto wide = domain("wide", 10);
    wide.policy.smt = SmtChoice::require;
    wide.policy.numa = NumaChoice::single;
    why = refusal(plan_on(host, {wide}).domains.front());
    EXPECT_EQ(why.code, ReasonCode::no_single_node);
    EXPECT_NE(why.advice.find("numa=prefer or at most 8 vCPUs."), std::string::npos) << why.advice;

    why = refusal(plan_on(hybrid_host(6, 8), {domain("kinds", 12)}).domains.front());
    EXPECT_EQ(why.code, ReasonCode::no_kind);
    EXPECT_NE(why.advice.find("cores=any or at most 10 vCPUs."), std::string::npos) << why.advice;

    auto isolated = domain("isolated", 4);
    isolated.policy.smt = SmtChoice::isolate;
    why = refusal(plan_on(small, {isolated}).domains.front());
    EXPECT_EQ(why.code, ReasonCode::no_whole_cores);
    EXPECT_NE(why.advice.find("smt=prefer or at most 3 vCPUs."), std::string::npos) << why.advice;

    auto narrow = domain("narrow", 4);
    narrow.policy.cpus = cpus("2-3");
    why = refusal(plan_on(small, {narrow}).domains.front());
    EXPECT_EQ(why.code, ReasonCode::restricted_cpus);

    auto apart = domain("apart", 3);
    apart.policy.smt = SmtChoice::spread;
    apart.policy.numa = NumaChoice::single;
    apart.policy.cpus = cpus("2-5");
    why = refusal(plan_on(two_nodes(), {apart}).domains.front());
    EXPECT_EQ(why.code, ReasonCode::no_single_node);
    EXPECT_NE(why.advice.find("more CPUs in cpus"), std::string::npos) << why.advice;

    auto both = isolated;
    both.policy.cpus = cpus("2-3");
    EXPECT_EQ(refusal(plan_on(small, {both}).domains.front()).code, ReasonCode::no_room_as_asked);
}

TEST(Planner, memory_that_is_locked_elsewhere_is_named)
{
    auto host = two_nodes();
    auto locked = domain("locked", 4);
    locked.activity = Activity::running;
    locked.memory_locked = true;
    locked.memory_nodes = {NodeId{1}};
    auto urgent = domain("urgent", 8);
    urgent.policy.priority = 5;
    urgent.policy.cpus = host.nodes[1].cpus;
    const auto why = refusal(plan_on(host, {locked, urgent}).domains.front());
    EXPECT_EQ(why.code, ReasonCode::memory_locked);
    EXPECT_NE(why.advice.find("claimed by urgent ("), std::string::npos) << why.advice;
}

TEST(Planner, memory_that_others_booked_is_not_a_limit_of_the_host)
{
    constexpr std::uint64_t gib = 1U << 20U; // in KiB
    auto host = two_nodes();
    host.nodes[0].memory_kib = 8 * gib;
    host.nodes[1].memory_kib = 8 * gib;
    const auto big = [](const char* name) {
        auto vm = domain(name, 2);
        vm.memory_kib = 6 * gib;
        vm.policy.numa = NumaChoice::single;
        return vm;
    };
    const auto why = refusal(plan_on(host, {big("a"), big("b"), big("late")}).domains.back());
    EXPECT_EQ(why.code, ReasonCode::memory_short);
    EXPECT_NE(why.advice.find("It would fit "), std::string::npos) << why.advice;
    EXPECT_EQ(why.advice.find("would not fit either"), std::string::npos) << why.advice;
    EXPECT_NE(why.advice.find("more free memory"), std::string::npos) << why.advice;
}

TEST(Planner, siblings_are_missed_only_where_the_topology_is_kept)
{
    const auto host = regular_host({.cores = 8, .threads = 1});
    auto vm = threaded("vm", 2);
    vm.policy.smt = SmtChoice::require;
    const auto why = refusal(plan_on(host, {vm}).domains.front());
    EXPECT_EQ(why.code, ReasonCode::no_smt);
    EXPECT_NE(why.advice.find("topology=match"), std::string::npos) << why.advice;
    vm.policy.topology = TopologyChoice::match;
    EXPECT_TRUE(plan_on(host, {vm}).domains.front().satisfied);
    auto bare = host; // a list of CPUs, as nested hosts are described
    bare.l3s[0].size_bytes = 0;
    vm.topology.reset();
    EXPECT_TRUE(plan_on(bare, {vm}).domains.front().satisfied);
    vm.policy.topology = TopologyChoice::keep;
    EXPECT_EQ(refusal(plan_on(bare, {vm}).domains.front()).code, ReasonCode::no_smt);
    bare.caches = {{.level = 2, .cpus = cpus("0")}}; // an ARM host without L3
    EXPECT_TRUE(plan_on(bare, {vm}).domains.front().satisfied);
}

TEST(Planner, dormant_domains_are_never_in_the_way)
{
    auto dormant = threaded("dormant", 6);
    dormant.activity = Activity::dormant;
    const auto plan = plan_on(ryzen(), {dormant, threaded("active", 6)});
    EXPECT_EQ(plan.domains[1].claim, cpus("6-11,18-23"));
    EXPECT_EQ(plan.pool, cpus("1-5,13-17"));
    EXPECT_TRUE(plan.domains[0].awaits) << "it is planned for when there is room";
}

TEST(Planner, shared_domains_balance_over_nodes)
{
    auto host = two_nodes();
    std::vector<Intent> intents{domain("a", 4), domain("b", 4), domain("c", 4), domain("d", 4)};
    for (auto& intent : intents) {
        intent.policy.placement = Placement::shared;
    }
    const auto plan = plan_on(host, intents, CpuSet{});
    EXPECT_EQ(plan.domains[0].vcpus.at(VcpuId{0}), host.nodes[0].cpus);
    EXPECT_EQ(plan.domains[1].vcpus.at(VcpuId{0}), host.nodes[1].cpus);
    EXPECT_EQ(plan.domains[2].vcpus.at(VcpuId{0}), host.nodes[0].cpus);
    EXPECT_EQ(plan.domains[3].vcpus.at(VcpuId{0}), host.nodes[1].cpus);
}

TEST(Planner, locked_memory_holds_a_running_domain_on_its_nodes)
{
    auto host = two_nodes();
    auto vm = domain("vm", 4);
    vm.activity = Activity::running;
    vm.memory_locked = true;
    vm.memory_nodes = {NodeId{1}};
    vm.policy.move = MoveLimit::node;
    const auto plan = plan_on(host, {vm}, CpuSet{}).domains.front();
    EXPECT_EQ(host.nodes_of(plan.claim), NodeSet{NodeId{1}});
    EXPECT_EQ(plan.numatune->mode, NumaMode::strict);
}

Intent shared(std::string name, std::uint32_t vcpus)
{
    auto intent = domain(std::move(name), vcpus);
    intent.policy.name = "shared";
    intent.policy.placement = Placement::shared;
    return intent;
}

// Running, each vCPU on the CPU of `numbers` at its place.
Intent running_on(Intent intent, std::initializer_list<std::uint32_t> numbers)
{
    intent.activity = Activity::running;
    std::uint32_t vcpu = 0;
    for (const auto number : numbers) {
        intent.current.vcpus[VcpuId{vcpu++}] = CpuSet{CpuId{number}};
    }
    return intent;
}

Intent with_hugepages(Intent intent, std::uint64_t memory_kib)
{
    intent.memory_kib = memory_kib;
    intent.hugepage_kib = 2048;
    intent.memory_locked = true;
    return intent;
}

// Two nodes with room for one domain of 3 GiB each, as a file describes them.
Topology two_nodes_with_hugepages()
{
    auto host = two_nodes();
    for (auto& node : host.nodes) {
        node.hugepages = {{.page_kib = 2048, .total = 2048, .free = 2048}};
    }
    return host;
}

constexpr std::uint64_t three_gib = 3145728;

TEST(PlannerMemory, what_a_running_domain_has_is_not_asked_for_again)
{
    auto host = regular_host({.cores = 4});
    host.nodes[0].memory_kib = 32000;
    host.nodes[0].free_memory_kib = 5000;
    auto vm = domain("big", 2);
    vm.memory_kib = 24000;
    vm.has_memory = true; // started a moment ago, pinned nowhere
    EXPECT_EQ(plan_on(host, {vm}).domains.front().placement, Placement::dedicated);
    auto nodes = two_nodes();
    for (auto& node : nodes.nodes) {
        node.memory_kib = 32000;
        node.free_memory_kib = 5000;
    }
    EXPECT_EQ(plan_on(nodes, {vm}).domains.front().placement, Placement::dedicated);
    vm.memory_kib = 40000; // on both nodes
    const auto over_both = plan_on(nodes, {vm}).domains.front();
    EXPECT_EQ(nodes.nodes_of(vcpu_cpus(over_both)).size(), 2U);
}

TEST(PlannerMemory, one_node_may_be_overcommitted_but_not_by_one_domain)
{
    auto host = regular_host({.cores = 4});
    host.nodes[0].memory_kib = 32000;
    host.nodes[0].free_memory_kib = 5000;
    std::vector<Intent> intents{domain("a", 2), domain("b", 2)};
    intents[0].memory_kib = 24000;
    intents[1].memory_kib = 24000;
    const auto plan = plan_on(host, intents);
    EXPECT_EQ(plan.domains[0].placement, Placement::dedicated);
    EXPECT_EQ(plan.domains[1].placement, Placement::dedicated);
    intents[1].memory_kib = 48000;
    EXPECT_TRUE(tells(plan_on(host, intents).domains[1], ReasonCode::memory_short));
}

TEST(PlannerMemory, the_size_of_nodes_counts_where_nothing_tells_what_is_free)
{
    auto host = two_nodes();
    host.nodes[0].memory_kib = 8000;
    host.nodes[1].memory_kib = 8000;
    auto vm = domain("vm", 4);
    vm.memory_kib = 100000;
    const auto plan = plan_on(host, {vm}).domains.front();
    EXPECT_FALSE(plan.satisfied);
    EXPECT_TRUE(tells(plan, ReasonCode::memory_short));
    vm.memory_kib = 12000;
    const auto over_both = plan_on(host, {vm}).domains.front();
    EXPECT_EQ(host.nodes_of(vcpu_cpus(over_both)).size(), 2U);
}

TEST(PlannerMemory, shared_domains_take_theirs)
{
    const auto host = two_nodes_with_hugepages();
    std::vector<Intent> intents;
    for (const auto* name : {"s0", "s1", "s2"}) {
        intents.push_back(with_hugepages(shared(name, 4), three_gib));
    }
    const auto plan = plan_on(host, intents);
    EXPECT_NE(host.nodes_of(vcpu_cpus(plan.domains[0])), host.nodes_of(vcpu_cpus(plan.domains[1])));
    EXPECT_TRUE(plan.domains[1].satisfied);
    EXPECT_FALSE(plan.domains[2].satisfied);
    EXPECT_TRUE(tells(plan.domains[2], ReasonCode::memory_short));
}

TEST(PlannerMemory, is_not_bound_to_nodes_that_do_not_have_it)
{
    auto host = two_nodes();
    host.nodes[0].memory_kib = host.nodes[1].memory_kib = 8000;
    auto whole = domain("whole", 8);
    whole.memory_kib = 4000;
    auto part = domain("part", 6);
    part.memory_kib = 6000;
    auto late = domain("late", 4); // floats on what is left of node 0, which has 2000
    late.memory_kib = 3000;
    late.memory_locked = true;
    late.cells = {{.id = 0, .vcpus = VcpuSet::range(0, 3)}};
    auto plan = plan_on(host, {whole, part, late}, CpuSet{}).domains[2];
    EXPECT_EQ(plan.placement, Placement::shared);
    EXPECT_EQ(host.nodes_of(vcpu_cpus(plan)).size(), 1U);
    ASSERT_TRUE(plan.numatune.has_value());
    EXPECT_EQ(plan.numatune->nodes, (NodeSet{NodeId{0}, NodeId{1}}));
    EXPECT_EQ(plan.numatune->cells.at(0), plan.numatune->nodes);
    EXPECT_TRUE(says(plan, "Memory is bound to node 0-1, the nearest that have enough"));
    late.memory_kib = 7000;
    plan = plan_on(host, {whole, part, late}, CpuSet{}).domains[2];
    EXPECT_FALSE(plan.numatune.has_value());
    EXPECT_TRUE(says(plan, "Memory is not bound: all nodes together do not have 7 MiB of free"));
}

TEST(PlannerMemory, dormant_domains_take_theirs_from_nobody)
{
    const auto host = two_nodes_with_hugepages();
    std::vector<Intent> intents;
    for (const auto* name : {"d0", "d1", "d2"}) {
        intents.push_back(with_hugepages(domain(name, 4), three_gib));
        intents.back().activity = Activity::dormant;
    }
    const auto plan = plan_on(host, intents);
    EXPECT_NE(host.nodes_of(vcpu_cpus(plan.domains[0])), host.nodes_of(vcpu_cpus(plan.domains[1])));
    EXPECT_TRUE(plan.domains[2].satisfied) << "the others are off when it starts, perhaps";
    intents.push_back(with_hugepages(shared("active", 4), three_gib));
    EXPECT_TRUE(plan_on(host, intents).domains[3].satisfied);
}

TEST(PlannerMemory, running_domains_have_theirs_where_nothing_tells_what_is_free)
{
    auto host = two_nodes_with_hugepages();
    auto old = with_hugepages(running_on(domain("old", 4), {1, 2, 9, 10}), three_gib);
    old.memory_nodes = {NodeId{0}};
    auto newcomer = with_hugepages(domain("new", 2), three_gib);
    newcomer.policy.cpus = host.nodes[0].cpus;
    const auto plan = plan_on(host, {old, newcomer});
    EXPECT_EQ(plan.domains[0].placement, Placement::dedicated);
    EXPECT_FALSE(plan.domains[1].satisfied);
    EXPECT_TRUE(tells(plan.domains[1], ReasonCode::memory_short));
    for (auto& node : host.nodes) { // a live host, where somebody else has a page on each node
        node.hugepages.front().total += 1537;
    }
    EXPECT_TRUE(plan_on(host, {old, newcomer}).domains[1].satisfied);
}

// On two_nodes(): node 1 is CPUs 4-7,12-15.
TEST(PlannerLocked, a_shared_domain_floats_on_its_nodes_even_without_a_pool)
{
    const auto host = two_nodes();
    const auto other = running_on(domain("d", 8), {4, 12, 5, 13, 6, 14, 7, 15});
    auto vm = shared("s", 4);
    vm.activity = Activity::running;
    vm.memory_locked = true;
    vm.memory_nodes = {NodeId{1}};
    const auto plan = plan_on(host, {other, vm});
    EXPECT_EQ(vcpu_cpus(plan.domains[1]), host.nodes[1].cpus);
    EXPECT_FALSE(plan.domains[1].satisfied);
    EXPECT_TRUE(tells(plan.domains[1], ReasonCode::memory_locked));
    EXPECT_TRUE(tells(plan.domains[1], ReasonCode::no_pool));
    EXPECT_TRUE(tells(plan.domains[0], ReasonCode::claim_overrun));
    EXPECT_TRUE(plan_on(host, {vm}).domains[0].satisfied);
}

TEST(PlannerLocked, floats_on_all_nodes_of_its_memory_whoever_comes)
{
    const auto host = two_nodes_with_hugepages();
    const auto running = [](std::string name, NodeSet memory_nodes) {
        auto vm = with_hugepages(shared(std::move(name), 4), three_gib);
        vm.activity = Activity::running;
        vm.memory_nodes = std::move(memory_nodes);
        return vm;
    };
    const auto vm = running("both", NodeSet{NodeId{0}, NodeId{1}});
    const auto alone = plan_on(host, {vm});
    EXPECT_TRUE(alone.domains[0].satisfied);
    EXPECT_EQ(vcpu_cpus(alone.domains[0]), alone.pool);
    const auto beside = plan_on(host, {vm, running("beside", NodeSet{NodeId{1}})});
    EXPECT_EQ(vcpu_cpus(beside.domains[0]), alone.pool);
}

TEST(PlannerLocked, is_displaced_only_where_it_can_float_on_its_nodes)
{
    const auto host = two_nodes();
    auto old = running_on(domain("old", 4), {4, 12, 5, 13});
    old.memory_locked = true;
    old.memory_nodes = {NodeId{1}};
    auto urgent = domain("urgent", 8);
    urgent.policy.priority = 5;
    urgent.policy.cpus = host.nodes[1].cpus;
    const auto stays = plan_on(host, {old, urgent});
    EXPECT_EQ(stays.domains[0].placement, Placement::dedicated);
    EXPECT_EQ(stays.domains[1].placement, Placement::shared);
    urgent.vcpus_max = 6;
    urgent.vcpus_online = VcpuSet::range(0, 5);
    const auto yields = plan_on(host, {old, urgent});
    EXPECT_EQ(yields.domains[1].placement, Placement::dedicated);
    EXPECT_EQ(yields.domains[0].placement, Placement::shared);
    EXPECT_EQ(host.nodes_of(vcpu_cpus(yields.domains[0])), NodeSet{NodeId{1}});
    EXPECT_TRUE(tells(yields.domains[0], ReasonCode::memory_locked));
}

TEST(PlannerShared, is_not_satisfied_outside_of_its_cpus)
{
    auto vm = shared("s", 2);
    vm.policy.cpus = cpus("0,12"); // housekeeping
    const auto floats = plan_on(ryzen(), {vm}).domains.front();
    EXPECT_EQ(floats.placement, Placement::shared);
    EXPECT_FALSE(floats.satisfied);
    EXPECT_TRUE(tells(floats, ReasonCode::cpus_not_in_pool));
    vm.policy.fallback = Fallback::fail;
    const auto untouched = plan_on(ryzen(), {vm}).domains.front();
    EXPECT_EQ(untouched.placement, Placement::none);
    EXPECT_FALSE(untouched.satisfied);
    EXPECT_TRUE(tells(untouched, ReasonCode::left_untouched));
    vm.policy.cpus = cpus("0,1,12");
    EXPECT_EQ(vcpu_cpus(plan_on(ryzen(), {vm}).domains.front()), cpus("1"));
}

TEST(PlannerShared, that_is_larger_than_a_node_floats_on_near_ones)
{
    auto host = regular_host({.packages = 2, .nodes = 2, .cores = 4, .threads = 1});
    for (const auto& [a, b] : {std::pair{0U, 1U}, std::pair{2U, 3U}}) {
        host.distance[a][b] = host.distance[b][a] = 11;
    }
    auto vm = domain("vm", 7); // two nodes, but not that of housekeeping
    vm.policy.placement = Placement::shared;
    auto other = vm;
    other.uuid = DomainUuid{"other"};
    const auto plan = plan_on(host, {vm, other}, cpus("0-1"));
    EXPECT_EQ(vcpu_cpus(plan.domains[0]), cpus("8-15"));
    EXPECT_EQ(vcpu_cpus(plan.domains[1]), cpus("8-15")); // rather than on nodes of two packages
    const auto untold = regular_host({.packages = 2, .nodes = 2, .cores = 4, .threads = 1});
    EXPECT_EQ(vcpu_cpus(plan_on(untold, {vm}, cpus("0-1")).domains[0]), cpus("8-15"));
}

TEST(PlannerShared, numa_single_and_spread)
{
    const auto host = two_nodes();
    auto vm = shared("s", 12);
    vm.policy.numa = NumaChoice::single;
    const auto too_large = plan_on(host, {vm}).domains.front();
    EXPECT_FALSE(too_large.satisfied);
    EXPECT_TRUE(tells(too_large, ReasonCode::no_single_node));
    auto small = shared("s", 4);
    small.policy.numa = NumaChoice::single;
    EXPECT_TRUE(plan_on(host, {small}).domains.front().satisfied);
    small.policy.numa = NumaChoice::spread;
    EXPECT_EQ(host.nodes_of(vcpu_cpus(plan_on(host, {small}).domains.front())).size(), 2U);
}

TEST(PlannerShared, without_a_pool_it_says_whose_cpus_it_floats_on)
{
    const auto host = regular_host({.cores = 2});
    const auto on_housekeeping = plan_on(host, {domain("all", 2), shared("s", 2)});
    EXPECT_EQ(vcpu_cpus(on_housekeeping.domains[1]), on_housekeeping.housekeeping);
    EXPECT_FALSE(on_housekeeping.domains[1].satisfied);
    EXPECT_TRUE(tells(on_housekeeping.domains[1], ReasonCode::no_pool));
    EXPECT_FALSE(tells(on_housekeeping.domains[0], ReasonCode::claim_overrun));
    const auto on_claims = plan_on(host, {domain("all", 4), shared("s", 2)}, CpuSet{});
    EXPECT_FALSE(on_claims.domains[1].satisfied);
    EXPECT_TRUE(tells(on_claims.domains[1], ReasonCode::no_pool));
    EXPECT_TRUE(tells(on_claims.domains[0], ReasonCode::claim_overrun));
}

TEST(PlannerCache, pack_takes_the_l3_that_fits_best)
{
    const auto host = regular_host({.l3s = 2, .cores = 4, .threads = 1});
    const auto other = running_on(domain("o", 3), {4, 5, 6});
    auto vm = domain("n", 1);
    vm.policy.cache = CacheChoice::pack;
    EXPECT_EQ(plan_on(host, {other, vm}, cpus("0")).domains[1].claim, cpus("7"));
}

TEST(PlannerCache, pack_leaves_the_vcache_to_others_who_hear_when_they_miss_it)
{
    auto host = regular_host({.l3s = 2, .cores = 4});
    host.l3s[1].vcache = true;
    auto packed = domain("packed", 2);
    packed.policy.cache = CacheChoice::pack;
    const auto plan = plan_on(host, {packed, domain("game", 6)}, CpuSet{});
    EXPECT_TRUE(tells(plan.domains[1], ReasonCode::vcache_chosen));
    EXPECT_FALSE(tells(plan.domains[1], ReasonCode::vcache_missed));
    EXPECT_FALSE(plan.domains[0].claim.intersects(host.l3s[1].cpus));
    const auto other = running_on(domain("other", 8), {4, 12, 5, 13, 6, 14, 7, 15});
    const auto missed = plan_on(host, {other, domain("game", 6)}, CpuSet{}).domains[1];
    EXPECT_TRUE(tells(missed, ReasonCode::vcache_missed));
    EXPECT_TRUE(tells(missed, ReasonCode::to_do_better));
}

TEST(ValidateRequest, names_the_field)
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

TEST(Housekeeping, takes_one_core_per_further_io_node_and_never_everything)
{
    auto host = two_nodes();
    EXPECT_EQ(auto_housekeeping(host, host.usable_cpus()), cpus("0,8"));
    host.nodes[1].has_io = true;
    EXPECT_EQ(auto_housekeeping(host, host.usable_cpus()), cpus("0,4,8,12"));
    const auto tiny = regular_host({.cores = 1});
    EXPECT_TRUE(auto_housekeeping(tiny, tiny.usable_cpus()).empty());
    const auto hybrid = hybrid_host(2, 4);
    EXPECT_EQ(auto_housekeeping(hybrid, hybrid.usable_cpus()), cpus("0-1,4"));
}

TEST(Invariants, notice_shared_domains_that_float_elsewhere)
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

TEST(Invariants, notice_threads_on_the_claim_of_their_own_domain)
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

TEST(Invariants, notice_a_broken_plan)
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

} // namespace
} // namespace virtpind
