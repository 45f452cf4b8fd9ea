// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/isolation/isolation_rules.hpp"
#include "tests/support/cpu_sets.hpp"

#include <gtest/gtest.h>

#include <string>

namespace virtpind {
namespace {

using test::cpus;

const std::string web1 = R"(machine-qemu\x2d1\x2dweb1.scope)";
const std::string db1 = R"(machine-qemu\x2d2\x2ddb1.scope)";

ThreadGroup pinned(std::string_view list)
{
    return {.pins = cpus(list), .exclusive = {}, .partition = "member"};
}

ThreadGroup isolated(std::string_view list)
{
    return {.pins = cpus(list), .exclusive = cpus(list), .partition = "isolated"};
}

// 16 CPUs, siblings 2n and 2n+1, nodes 0-7 and 8-15 with devices on both.
IsolationHost host()
{
    IsolationHost host;
    host.online = cpus("0-15");
    for (std::uint32_t cpu = 0; cpu < 16; cpu += 2) {
        host.floor.cores.push_back(CpuSet::range(cpu, cpu + 1));
    }
    host.floor.nodes = {cpus("0-7"), cpus("8-15")};
    host.guests[web1].threads = {{"emulator", pinned("0-1")},
                                 {"vcpu0", pinned("2")},
                                 {"vcpu1", pinned("3")},
                                 {"vcpu2", pinned("4")}};
    return host;
}

std::optional<IsolationRefusal> refusal(const IsolationHost& host, const IsolatedThreads& threads,
                                        const std::string& scope = web1)
{
    const auto answer = find_refusal({.scope = scope, .threads = threads}, host);
    return answer ? answer->refused : std::nullopt;
}

TEST(IsolationRules, GrantAGuestItsOwnCpus)
{
    EXPECT_EQ(refusal(host(), {{"vcpu0", cpus("2")}, {"vcpu1", cpus("3")}}), std::nullopt);
    EXPECT_EQ(refusal(host(), {}), std::nullopt);
}

TEST(IsolationRules, KnowTheGuestAndTheThread)
{
    EXPECT_EQ(refusal(host(), {}, db1), IsolationRefusal::no_guest);
    EXPECT_EQ(refusal(host(), {{"vcpu9", cpus("2")}}), IsolationRefusal::no_thread);
}

TEST(IsolationRules, KeepAThreadWithinItsPins)
{
    EXPECT_EQ(refusal(host(), {{"vcpu0", cpus("5")}}), IsolationRefusal::outside_pins);
    EXPECT_EQ(refusal(host(), {{"vcpu0", cpus("2-3")}}), IsolationRefusal::outside_pins);
    auto floating = host();
    floating.guests[web1].threads["vcpu0"].pins = {};
    EXPECT_EQ(refusal(floating, {{"vcpu0", cpus("2")}}), IsolationRefusal::outside_pins);
    auto offline = host();
    offline.online.erase(CpuId{2});
    EXPECT_EQ(refusal(offline, {{"vcpu0", cpus("2")}}), IsolationRefusal::outside_pins);
    auto both = host();
    both.guests[web1].threads["vcpu1"].pins = cpus("2");
    EXPECT_EQ(refusal(both, {{"vcpu0", cpus("2")}, {"vcpu1", cpus("2")}}),
              IsolationRefusal::shared_cpus);
}

TEST(IsolationRules, LetOnlySiblingsBeIdle)
{
    EXPECT_EQ(refusal(host(), {{"idle", cpus("5")}, {"vcpu2", cpus("4")}}), std::nullopt);
    EXPECT_EQ(refusal(host(), {{"idle", cpus("5-6")}, {"vcpu2", cpus("4")}}),
              IsolationRefusal::not_siblings);
    EXPECT_EQ(refusal(host(), {{"idle", cpus("5")}}), IsolationRefusal::not_siblings);
    EXPECT_EQ(refusal(host(), {{"idle", cpus("4")}, {"vcpu2", cpus("4")}}),
              IsolationRefusal::shared_cpus);
}

TEST(IsolationRules, NeverTakeAnothersCpus)
{
    auto two = host();
    two.guests[db1].exclusive = cpus("2");
    two.guests[db1].threads["vcpu0"] = isolated("2");
    two.isolated = cpus("2");
    EXPECT_EQ(refusal(two, {{"vcpu0", cpus("2")}}), IsolationRefusal::others_isolated);
    EXPECT_EQ(refusal(two, {{"vcpu1", cpus("3")}}), std::nullopt);

    auto somebody = host();
    somebody.isolated = cpus("3");
    EXPECT_EQ(refusal(somebody, {{"vcpu1", cpus("3")}}), IsolationRefusal::others_isolated);

    auto own = host();
    own.guests[web1].exclusive = cpus("3");
    own.guests[web1].threads["vcpu1"] = isolated("3");
    own.isolated = cpus("3");
    EXPECT_EQ(refusal(own, {{"vcpu1", cpus("3")}}), std::nullopt);
}

TEST(IsolationRules, LeaveEveryPinnedThreadACpu)
{
    auto two = host();
    two.guests[db1].threads["vcpu0"] = pinned("2-3");
    EXPECT_EQ(refusal(two, {{"vcpu0", cpus("2")}}), std::nullopt);
    EXPECT_EQ(refusal(two, {{"vcpu0", cpus("2")}, {"vcpu1", cpus("3")}}),
              IsolationRefusal::others_pinned);

    auto emulator = host();
    emulator.guests[web1].threads["emulator"] = pinned("2");
    EXPECT_EQ(refusal(emulator, {{"vcpu0", cpus("2")}}), IsolationRefusal::others_pinned);

    auto container = host();
    container.others["machine-box.scope"] = cpus("2");
    EXPECT_EQ(refusal(container, {{"vcpu0", cpus("2")}}), IsolationRefusal::others_pinned);
    container.others["machine-box.scope"] = {};
    EXPECT_EQ(refusal(container, {{"vcpu0", cpus("2")}}), std::nullopt);
}

TEST(IsolationRules, HoldAFloor)
{
    auto small = host();
    small.guests[web1].threads = {{"vcpu0", pinned("2-15")}};
    EXPECT_EQ(refusal(small, {{"vcpu0", cpus("2-15")}}), IsolationRefusal::below_floor);
    EXPECT_EQ(refusal(small, {{"vcpu0", cpus("2-13")}}), std::nullopt);
    small.floor.nodes.clear();
    EXPECT_EQ(refusal(small, {{"vcpu0", cpus("2-15")}}), std::nullopt);

    // A core of which one sibling is gone is none.
    small.guests[web1].threads = {{"vcpu0", pinned("1-15")}};
    EXPECT_EQ(refusal(small, {{"vcpu0", cpus("1-15")}}), IsolationRefusal::below_floor);
    small.guests[web1].threads = {{"vcpu0", pinned("0-15")}};
    EXPECT_EQ(refusal(small, {{"vcpu0", cpus("0-15")}}), IsolationRefusal::below_floor);
}

TEST(IsolationRules, CountWhatOthersHaveTowardsTheFloor)
{
    auto two = host();
    two.guests[web1].threads = {{"vcpu0", pinned("2-7")}};
    two.guests[db1].exclusive = cpus("0-1");
    two.guests[db1].threads["vcpu0"] = isolated("0-1");
    two.isolated = cpus("0-1");
    EXPECT_EQ(refusal(two, {{"vcpu0", cpus("2-7")}}), IsolationRefusal::below_floor);
    EXPECT_EQ(refusal(two, {{"vcpu0", cpus("2-5")}}), std::nullopt);
}

} // namespace
} // namespace virtpind
