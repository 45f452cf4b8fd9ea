// SPDX-License-Identifier: LGPL-2.1-or-later
// What a pass does when CPUs, memory or housekeeping of the host change, also under it.
#if defined(__GNUC__) && !defined(__clang__)
// g++ 14 takes what an optional variant holds for uninitialized where it inlines the copy.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "tests/support/spine.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

namespace virtpind::test {
namespace {

// Sixteen CPUs, of which `usable` are usable and the rest is offline.
std::shared_ptr<Topology> host_with(const CpuSet& usable, std::uint64_t generation)
{
    auto topology = sixteen_cpus();
    topology.generation = generation;
    for (auto& cpu : topology.cpus) {
        cpu.online = usable.contains(cpu.id);
        cpu.allowed = cpu.online;
    }
    return std::make_shared<Topology>(std::move(topology));
}

TEST_F(ReconcilerTest, LostCpuMovesOnlyTheDomainOnIt)
{
    for (int number = 1; number <= 3; ++number) {
        host_.add(number, "web" + std::to_string(number), 2, number);
    }
    connect();
    for (int number = 1; number <= 3; ++number) {
        ASSERT_TRUE(set_policy(number, "dedicated"));
    }
    const auto second = domain(2).running->pins.vcpus;
    const auto third = domain(3).running->pins.vcpus;
    const auto first = domain(1).running->pins.vcpus;
    const auto lost = first.at(VcpuId{0}).front();
    host_.applied.clear();
    reconciler_.on_topology(host_with(CpuSet::range(0, 15) - CpuSet{lost}, 2));
    host_.answer_all();
    for (const auto& action : host_.applied) {
        EXPECT_EQ(action.uuid, FakeHost::uuid(1)) << action.name;
    }
    EXPECT_FALSE(domain(1).running->pins.vcpus.at(VcpuId{0}).contains(lost));
    EXPECT_EQ(domain(2).running->pins.vcpus, second);
    EXPECT_EQ(domain(3).running->pins.vcpus, third);
}

TEST_F(ReconcilerTest, HostThatChangesAgainAndAgainIsNoConflict)
{
    host_.add(1, "web1", 12, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "shared"));
    for (std::uint32_t gone = 1; gone <= 8; ++gone) { // as when SMT is switched off
        reconciler_.on_topology(host_with(CpuSet::range(0, 15 - gone), gone));
        host_.answer_all();
    }
    EXPECT_TRUE(CpuSet::range(0, 7).includes(domain(1).definition->pins.vcpus.at(VcpuId{0})));
    EXPECT_EQ(record(1).retry_at, std::chrono::steady_clock::time_point{});
}

TEST_F(ReconcilerTest, PlanOfAHostThatChangesBetweenTwoJobsIsNotAppliedFurther)
{
    constexpr int many = 40;
    for (int number = 1; number <= many; ++number) {
        host_.add(number, "web" + std::to_string(number), 1, number);
    }
    connect();
    auto smaller = std::make_shared<Topology>(sixteen_cpus());
    const CpuId lost{5};
    smaller->cpus[raw(lost)].online = false;
    smaller->generation = 1;
    host_.before_apply = [this, smaller] {
        host_.before_apply = nullptr;
        reconciler_.on_topology(smaller);
    };
    use_by_default("shared");
    host_.answer_all(3 + many); // the look, how each was before, and one job
    ASSERT_EQ(host_.applied.size(), 32U) << "those were under way";
    host_.answer_all();
    const auto names_lost = [lost](const DomainActions& actions) {
        return std::any_of(actions.live.begin(), actions.live.end(), [lost](const auto& action) {
            const auto* pin = std::get_if<PinVcpu>(&action);
            return pin != nullptr && pin->cpus.contains(lost);
        });
    };
    const auto next = host_.applied.begin() + 32;
    EXPECT_TRUE(std::all_of(host_.applied.begin(), next, names_lost));
    EXPECT_TRUE(std::none_of(next, host_.applied.end(), names_lost));
    EXPECT_EQ(host_.applied.size(), 32U + many);
    EXPECT_EQ(record(many).state, PinState::pinned);
}

TEST_F(ReconcilerTest, CpuThatGoesOfflineDuringAPassIsLeftByTheNext)
{
    host_.add(1, "web1", 2, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated", {{"cpus", std::string{"2-5"}}}));
    const auto first = domain(1).running->pins.vcpus.at(VcpuId{0}).front();
    auto smaller = std::make_shared<Topology>(sixteen_cpus());
    smaller->cpus[raw(first)].online = false;
    smaller->generation = 1;
    host_.refuse = [first](const DomainUuid&, const LiveAction& action) -> std::optional<Error> {
        const auto* pin = std::get_if<PinVcpu>(&action);
        if (pin == nullptr || !pin->cpus.contains(first)) {
            return std::nullopt;
        }
        return Error{.code = Errc::apply_failed, .message = "Invalid argument"};
    };
    domain(1).running->pins.vcpus.clear(); // somebody unpinned it, so that the pass pins it again
    host_.before_apply = [this, smaller] {
        host_.before_apply = nullptr;
        reconciler_.on_topology(smaller);
    };
    changed(1);
    ASSERT_EQ(sink_.results.back().second, "pinned") << "without waiting for a retry";
    EXPECT_FALSE(domain(1).running->pins.vcpus.at(VcpuId{0}).contains(first));
    EXPECT_TRUE((domain(1).running->pins.vcpus.at(VcpuId{0}) - smaller->online_cpus()).empty());
    EXPECT_TRUE((domain(1).definition->pins.vcpus.at(VcpuId{0}) - smaller->online_cpus()).empty());
}

TEST_F(ReconcilerTest, PlanForAHostThatChangedIsNotApplied)
{
    host_.add(1, "web1", 2, 1);
    connect();
    auto smaller = std::make_shared<Topology>(sixteen_cpus());
    smaller->cpus[1].online = smaller->cpus[9].online = false;
    smaller->generation = 1;
    std::optional<Result<std::uint64_t>> got;
    controller_.set_policy({.uuid = FakeHost::uuid(1),
                            .policy = "dedicated",
                            .options = {{"cpus", std::string{"1-2,9-10"}}}},
                           [&got](Result<std::uint64_t> reply) { got = std::move(reply); });
    host_.answer_all(2); // the policy is stored, and the domain is seen: what it was is being saved
    ASSERT_TRUE(host_.applied.empty());
    reconciler_.on_topology(smaller);
    EXPECT_FALSE(got) << "it is planned anew for who waits";
    host_.answer_all();
    ASSERT_TRUE(got && *got) << (got ? got->error().message : "no reply");
    ASSERT_EQ(host_.applied.size(), 1U);
    EXPECT_EQ(domain(1).running->pins.vcpus.at(VcpuId{0}).str(), "2");
    EXPECT_EQ(domain(1).running->pins.vcpus.at(VcpuId{1}).str(), "10");
}

TEST_F(ReconcilerTest, FreeMemoryOfALaterReadingIsPlannedWith)
{
    host_.add(1, "web1", 2, std::nullopt).facts.memory_kib = 4 << 20;
    auto look = regular_host({.nodes = 2, .l3s = 1, .cores = 4});
    for (auto& node : look.nodes) {
        node.free_memory_kib = 8 << 20;
    }
    look.generation = 1;
    reconciler_.on_topology(std::make_shared<Topology>(look));
    connect();
    look.nodes[0].free_memory_kib = 1 << 20;
    const auto passes = host_.observations;
    reconciler_.on_topology(std::make_shared<Topology>(look));
    host_.answer_all();
    EXPECT_EQ(host_.observations, passes) << "not worth a pass";
    ASSERT_TRUE(set_policy(1, "dedicated"));
    ASSERT_TRUE(record(1).plan->numatune);
    EXPECT_EQ(record(1).plan->numatune->nodes.str(), "1");
}

TEST_F(ReconcilerTest, HousekeepingThatCannotBeKeptIsAProblemAndNothingBreaks)
{
    struct Case {
        const char* housekeeping;
        const char* kept;
        const char* said; // "": nothing
    };

    host_.add(1, "web1", 2, 1);
    use_by_default("dedicated");
    connect();
    ASSERT_EQ(sink_.manager.housekeeping_cpus.str(), "0,8");
    for (const auto& [housekeeping, kept, said] : {
             Case{"0,999", "0", "names CPUs 999, and the host has 0-15; correct it"},
             Case{"1,8", "1,8", ""},
             Case{"999", "0,8", "so auto is used instead"},
             Case{"0-15", "0,8", "leaves no CPU to domains, so auto is used instead"},
             Case{"0-15,999", "0,8", "names CPUs 999, and the host has 0-15; it leaves no CPU"},
             Case{"", "", ""},
         }) {
        auto config = config_with_default("dedicated");
        config.housekeeping = *CpuSet::parse(housekeeping);
        reconciler_.on_config(config);
        host_.answer_all();
        EXPECT_EQ(sink_.manager.housekeeping_cpus.str(), kept) << housekeeping;
        EXPECT_EQ(record(1).state, PinState::pinned) << housekeeping;
        const auto& problems = sink_.manager.problems;
        ASSERT_EQ(problems.size(), *said != '\0' ? 1U : 0U) << housekeeping;
        if (!problems.empty()) {
            EXPECT_EQ(problems[0].code, "HousekeepingUnusable");
            EXPECT_NE(problems[0].text.find(said), std::string::npos) << problems[0].text;
            EXPECT_EQ(sink_.manager.state, "degraded");
        }
    }
}

TEST_F(ReconcilerTest, HousekeepingThatIsOfflineIsAProblemOnlyWhenNoneIsLeft)
{
    auto config = config_with_default("none");
    config.housekeeping = *CpuSet::parse("6,7");
    reconciler_.on_config(config);
    connect();
    EXPECT_TRUE(sink_.manager.problems.empty());
    reconciler_.on_topology(host_with(*CpuSet::parse("0-6,8-15"), 2));
    host_.answer_all();
    EXPECT_TRUE(sink_.manager.problems.empty()) << "it comes back by itself";
    EXPECT_EQ(sink_.manager.housekeeping_cpus.str(), "6");
    reconciler_.on_topology(host_with(*CpuSet::parse("0-5,8-15"), 3));
    host_.answer_all();
    ASSERT_EQ(sink_.manager.problems.size(), 1U);
    EXPECT_NE(sink_.manager.problems[0].text.find("names no CPU that is online"),
              std::string::npos);
    EXPECT_EQ(sink_.manager.housekeeping_cpus.str(), "0,8");
    reconciler_.on_topology(host_with(CpuSet::range(0, 15), 4));
    host_.answer_all();
    EXPECT_TRUE(sink_.manager.problems.empty());
    EXPECT_EQ(sink_.manager.housekeeping_cpus.str(), "6-7");
}

} // namespace
} // namespace virtpind::test
