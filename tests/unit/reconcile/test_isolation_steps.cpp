// SPDX-License-Identifier: LGPL-2.1-or-later
// Guests' CPUs of their own in the pass: off, pin, on, and what is said where it cannot be had.
#include "tests/support/isolation_test.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace virtpind::test {
namespace {

TEST_F(IsolationTest, FollowsThePins)
{
    begin();
    ASSERT_TRUE(set_policy(1, "dedicated", isolated_));
    EXPECT_EQ(held(1), vcpu_cpus(1));
    EXPECT_EQ(held(1).size(), 2U);
    EXPECT_EQ(isolation_.groups.partition(web1_, "vcpu0"), "isolated");
    EXPECT_EQ(isolation_.groups.partition(web1_, "emulator"), "member");
    EXPECT_EQ(view(1).isolated_cpus, vcpu_cpus(1));
    EXPECT_EQ(sink_.manager.isolated_cpus, vcpu_cpus(1));
    EXPECT_TRUE(view(1).satisfied);
    EXPECT_EQ(obstacle(1), "");
}

TEST_F(IsolationTest, IsAskedForOnce)
{
    begin();
    ASSERT_TRUE(set_policy(1, "dedicated", isolated_));
    const auto asked = isolation_.asked.size();
    EXPECT_EQ(asked, 1U);
    period();
    changed(1);
    EXPECT_EQ(isolation_.asked.size(), asked);
}

TEST_F(IsolationTest, NobodyLooksWithoutNeed)
{
    begin();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    const auto looks = isolation_.looks;
    EXPECT_EQ(looks, 1); // at the start: something may be left of an earlier daemon
    period();
    EXPECT_EQ(isolation_.looks, looks);
    EXPECT_TRUE(isolation_.asked.empty());
}

TEST_F(IsolationTest, EndsWithTheOption)
{
    begin();
    ASSERT_TRUE(set_policy(1, "dedicated", isolated_));
    ASSERT_TRUE(set_policy(1, "dedicated"));
    EXPECT_EQ(isolation_.asked.back(), web1_);
    EXPECT_EQ(isolation_.groups.partition(web1_, "vcpu0"), "member");
    EXPECT_TRUE(view(1).isolated_cpus.empty());
    EXPECT_TRUE(view(1).satisfied);
}

TEST_F(IsolationTest, EndsWithAReset)
{
    begin();
    ASSERT_TRUE(set_policy(1, "dedicated", isolated_));
    ASSERT_TRUE(reset_policy(1));
    EXPECT_EQ(isolation_.groups.partition(web1_, "vcpu0"), "member");
    EXPECT_EQ(isolation_.groups.text("machine.slice/cpuset.cpus.exclusive"), "");
    EXPECT_TRUE(view(1).isolated_cpus.empty());
}

TEST_F(IsolationTest, IsOffWhileAThreadIsMoved)
{
    begin();
    ASSERT_TRUE(set_policy(1, "dedicated", isolated_));
    const auto before = vcpu_cpus(1);
    note_partitions();
    auto cpus = CpuSet::range(0, 15) - before;
    auto options = isolated_;
    options["cpus"] = cpus.str();
    ASSERT_TRUE(set_policy(1, "dedicated", options));
    ASSERT_FALSE(partitions_.empty());
    EXPECT_EQ(partitions_.front(), "member+member");
    EXPECT_FALSE(vcpu_cpus(1).intersects(before));
    EXPECT_EQ(held(1), vcpu_cpus(1));
}

TEST_F(IsolationTest, ThatDoesNotEndKeepsItsThreadsWhereTheyAre)
{
    begin();
    ASSERT_TRUE(set_policy(1, "dedicated", isolated_));
    const auto before = vcpu_cpus(1);
    auto options = isolated_;
    options["cpus"] = (CpuSet::range(0, 15) - before).str();
    isolation_.refuse = {.refused = IsolationRefusal::no_helper, .cpus = {}, .detail = "gone"};
    EXPECT_FALSE(set_policy(1, "dedicated", options));
    EXPECT_EQ(vcpu_cpus(1), before);
    EXPECT_EQ(isolation_.groups.partition(web1_, "vcpu0"), "isolated");
    EXPECT_EQ(record(1).state, PinState::failed);
    ASSERT_TRUE(record(1).error);
    EXPECT_NE(record(1).error->message.find("virtpind-isolate did not end that"), std::string::npos)
        << record(1).error->message;
    EXPECT_EQ(view(1).isolated_cpus, before);

    isolation_.refuse.reset();
    ASSERT_TRUE(set_policy(1, "dedicated", options)); // the next attempt
    EXPECT_FALSE(vcpu_cpus(1).intersects(before));
    EXPECT_EQ(held(1), vcpu_cpus(1));
    EXPECT_FALSE(record(1).error);
}

TEST_F(IsolationTest, IsWhatItWasWhileNobodyCanLook)
{
    begin();
    ASSERT_TRUE(set_policy(1, "dedicated", isolated_));
    const auto before = vcpu_cpus(1);
    note_partitions();
    isolation_.blind = true;
    period(); // a look that fails
    EXPECT_EQ(view(1).isolated_cpus, before);
    partitions_.clear();
    ASSERT_TRUE(reset_policy(1));
    ASSERT_FALSE(partitions_.empty());
    EXPECT_EQ(partitions_.front(), "member+member");
    EXPECT_EQ(isolation_.groups.text("machine.slice/cpuset.cpus.exclusive"), "");
}

TEST_F(IsolationTest, IsBroughtDownBeforeAThreadOfABrokenOneIsMoved)
{
    begin();
    ASSERT_TRUE(set_policy(1, "dedicated", isolated_));
    for (const auto* const vcpu : {"vcpu0", "vcpu1"}) {
        isolation_.groups.write("machine.slice/" + web1_ + "/libvirt/" + vcpu +
                                    "/cpuset.cpus.partition",
                                "isolated invalid (No cpu available due to hotplug)");
    }
    std::string partition; // at the first change of the pins
    host_.before_apply = [&] {
        partition = partition.empty() ? isolation_.groups.partition(web1_, "vcpu0") : partition;
    };
    auto options = isolated_;
    options["cpus"] = (CpuSet::range(0, 15) - vcpu_cpus(1)).str();
    ASSERT_TRUE(set_policy(1, "dedicated", options));
    EXPECT_EQ(partition, "member");
    EXPECT_EQ(held(1), vcpu_cpus(1));
}

TEST_F(IsolationTest, IsRepaired)
{
    begin();
    ASSERT_TRUE(set_policy(1, "dedicated", isolated_));
    const auto group = "machine.slice/" + web1_ + "/libvirt/vcpu1/cpuset.cpus.partition";
    isolation_.groups.write(group, "isolated invalid (No cpu available due to hotplug)");
    period();
    EXPECT_EQ(isolation_.groups.partition(web1_, "vcpu1"), "isolated");
    EXPECT_EQ(held(1), vcpu_cpus(1));
}

TEST_F(IsolationTest, OfAnEarlierDaemonIsTakenOver)
{
    begin();
    ASSERT_TRUE(set_policy(1, "dedicated", isolated_));
    const auto asked = isolation_.asked.size();
    Reconciler next{loop_, host_, "boot", host_.images};
    next.isolate_with(isolation_);
    next.show_to(sink_);
    start(next, host_, Config{}, sixteen_cpus());
    EXPECT_EQ(isolation_.asked.size(), asked);
    EXPECT_EQ(view(1).isolated_cpus, vcpu_cpus(1));

    domain(1).facts.metadata.content.reset(); // while no daemon runs: the policy is gone
    Reconciler last{loop_, host_, "boot", host_.images};
    last.isolate_with(isolation_);
    last.show_to(sink_);
    start(last, host_, Config{}, sixteen_cpus());
    EXPECT_EQ(isolation_.groups.partition(web1_, "vcpu0"), "member");
}

TEST_F(IsolationTest, OfAnEarlierDaemonIsLookedForUntilSomebodyCan)
{
    begin();
    ASSERT_TRUE(set_policy(1, "dedicated", isolated_));
    domain(1).facts.metadata.content = PolicySpec{.name = "dedicated", .options = {}};
    isolation_.blind = true;
    Reconciler next{loop_, host_, "boot", host_.images};
    next.isolate_with(isolation_);
    next.show_to(sink_);
    start(next, host_, Config{}, sixteen_cpus());
    EXPECT_EQ(isolation_.groups.partition(web1_, "vcpu0"), "isolated");
    isolation_.blind = false;
    next.request_full_pass();
    host_.answer_all();
    EXPECT_EQ(isolation_.groups.partition(web1_, "vcpu0"), "member");
}

TEST_F(IsolationTest, OfSomebodyElseIsLeftAlone)
{
    begin();
    isolation_.follow_pins();
    const auto group = "machine.slice/" + web1_ + "/libvirt/vcpu1/";
    isolation_.groups.write(group + "cpuset.cpus.exclusive", "3");
    isolation_.groups.write(group + "cpuset.cpus.partition", "isolated");
    period();
    EXPECT_EQ(isolation_.groups.partition(web1_, "vcpu1"), "isolated");
    EXPECT_TRUE(isolation_.asked.empty());
}

TEST_F(IsolationTest, GoesWithTheIdleSiblings)
{
    begin();
    auto options = isolated_;
    options["smt"] = std::string{"isolate"};
    ASSERT_TRUE(set_policy(1, "dedicated", options));
    const auto& asked = isolation_.asked.back();
    EXPECT_NE(asked.find(" idle="), std::string::npos) << asked;
}

TEST_F(IsolationTest, ThatCannotBeHadIsSaidAndTheGuestIsPinned)
{
    begin();
    isolation_.refuse = {.refused = IsolationRefusal::no_helper, .cpus = {}, .detail = "gone"};
    ASSERT_TRUE(set_policy(1, "dedicated", isolated_));
    EXPECT_TRUE(says(1, "systemctl enable --now virtpind-isolate.socket"));
    EXPECT_EQ(vcpu_cpus(1).size(), 2U);
    EXPECT_EQ(record(1).state, PinState::pinned);
    EXPECT_EQ(view(1).shortfall.first, "cpus-not-isolated");

    const auto asked = isolation_.asked.size();
    changed(1); // an event is no reason to ask again
    EXPECT_EQ(isolation_.asked.size(), asked);
    EXPECT_TRUE(says(1, "virtpind-isolate"));
    isolation_.refuse.reset();
    period();
    EXPECT_EQ(obstacle(1), "");
    EXPECT_EQ(held(1), vcpu_cpus(1));
}

TEST_F(IsolationTest, IsSaidInASentenceWhoeverRefuses)
{
    using enum IsolationRefusal;
    begin();
    for (const auto& [why, words] :
         {std::pair{failed, "virtpind-isolate could not do it (it broke)"},
          std::pair{busy, "still at work on another request (it broke); virtpinctl apply asks"},
          std::pair{kernel_refused, "the kernel refuses it (it broke)"},
          std::pair{no_thread, "its threads are no longer as virtpind saw them (it broke)"},
          std::pair{bad_request, "does not understand what virtpind asks (it broke)"}}) {
        isolation_.refuse = {.refused = why, .cpus = {}, .detail = "it broke"};
        ASSERT_TRUE(set_policy(1, "dedicated", isolated_));
        EXPECT_TRUE(says(1, words));
        EXPECT_EQ(obstacle(1).find(to_string(why)), std::string::npos) << obstacle(1);
        ASSERT_TRUE(set_policy(1, "dedicated"));
    }
}

TEST_F(IsolationTest, NeedsAKernelThatHasIt)
{
    isolation_.groups.remove("machine.slice/cpuset.cpus.exclusive");
    begin();
    ASSERT_TRUE(set_policy(1, "dedicated", isolated_));
    EXPECT_TRUE(says(1, "Linux 6.7"));
    EXPECT_TRUE(isolation_.asked.empty());
}

TEST_F(IsolationTest, NeedsCpusets)
{
    isolation_.groups.remove("machine.slice/cpuset.cpus");
    begin();
    ASSERT_TRUE(set_policy(1, "dedicated", isolated_));
    EXPECT_TRUE(says(1, "cgroup_controllers"));
}

TEST_F(IsolationTest, NeedsTheGuestsOwnGroup)
{
    isolation_.elsewhere = true;
    begin();
    ASSERT_TRUE(set_policy(1, "dedicated", isolated_));
    EXPECT_TRUE(says(1, "machine.slice"));
}

TEST_F(ReconcilerTest, IsolationWithoutAnybodyToAskIsNotSilent)
{
    host_.add(1, "web1", 2, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated", {{"isolate", true}}));
    EXPECT_FALSE(record(1).plan->satisfied);
    EXPECT_EQ(sink_.domains.at(0).shortfall.first, "cpus-not-isolated");
}

TEST_F(IsolationTest, LetsEveryDomainStart)
{
    begin();
    auto& other = host_.add(2, "db1", 1, std::nullopt);
    auto options = isolated_;
    options["cpus"] = std::string{"2-3"};
    other.definition->pins.vcpus[VcpuId{0}] = CpuSet::range(2, 3);
    ASSERT_TRUE(set_policy(1, "dedicated", options));
    EXPECT_TRUE(says(1, "db1 (2-3) could not start any more"));
    EXPECT_TRUE(held(1).empty());
    EXPECT_EQ(vcpu_cpus(1), CpuSet::range(2, 3));

    other.definition->pins.vcpus[VcpuId{0}] = CpuSet::range(2, 4);
    changed(2);
    EXPECT_EQ(obstacle(1), "");
    EXPECT_EQ(held(1), CpuSet::range(2, 3));

    other.definition->pins.vcpus[VcpuId{0}] = CpuSet::range(2, 3);
    changed(2);
    EXPECT_TRUE(says(1, "db1"));
    EXPECT_TRUE(held(1).empty());
    EXPECT_EQ(isolation_.groups.partition(web1_, "vcpu0"), "member");
}

TEST_F(IsolationTest, LetsEveryUnitStart)
{
    begin();
    isolation_.units = {{.unit = "dpdk.service", .cpus = CpuSet::range(2, 3)}};
    auto options = isolated_;
    options["cpus"] = std::string{"2-3"};
    ASSERT_TRUE(set_policy(1, "dedicated", options));
    EXPECT_TRUE(says(1, "dpdk.service (2-3) could not start any more"));
    isolation_.units.front().cpus.insert(CpuId{4});
    period();
    EXPECT_EQ(obstacle(1), "");
}

TEST_F(IsolationTest, LeavesAloneWhatTheKernelWasToldAtBoot)
{
    begin();
    auto topology = sixteen_cpus();
    topology.generation = 2;
    topology.isolated = CpuSet::range(2, 3);
    reconciler_.on_topology(std::make_shared<Topology>(topology));
    host_.answer_all();
    ASSERT_TRUE(set_policy(1, "dedicated", isolated_));
    EXPECT_TRUE(says(1, "at boot"));
}

TEST_F(IsolationTest, DoesNotPushTheGuestsOwnThreadsOut)
{
    begin();
    auto options = isolated_;
    options["emulator"] = std::string{"vcpus"};
    ASSERT_TRUE(set_policy(1, "dedicated", options));
    EXPECT_TRUE(says(1, "emulator=auto"));
    EXPECT_TRUE(held(1).empty());
}

TEST_F(IsolationTest, LetsAVcpuBePlugged)
{
    auto& guest = host_.add(1, "web1", 3, 1);
    guest.facts.vcpus_online = VcpuSet::range(0, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated", isolated_));
    const auto& pins = domain(1).running->pins;
    EXPECT_EQ(pins.vcpus.at(VcpuId{2}), pins.emulator.value());
    guest.facts.vcpus_online.insert(VcpuId{2});
    changed(1);
    EXPECT_EQ(held(1).size(), 3U);
    EXPECT_EQ(isolation_.groups.partition(web1_, "vcpu2"), "isolated");
}

TEST_F(IsolationTest, OfOneGuestIsNotAnothers)
{
    begin();
    host_.add(2, "db1", 2, 2);
    ASSERT_TRUE(set_policy(1, "dedicated", isolated_));
    ASSERT_TRUE(set_policy(2, "dedicated", isolated_));
    EXPECT_EQ(held(1).size(), 2U);
    EXPECT_EQ(held(2).size(), 2U);
    EXPECT_FALSE(held(1).intersects(held(2)));
    EXPECT_EQ(sink_.manager.isolated_cpus, held(1) | held(2));
    FakeHost::stop(domain(1));
    isolation_.groups.remove("machine.slice/" + web1_);
    changed(1, "stopped");
    EXPECT_EQ(sink_.manager.isolated_cpus, held(2));
}

} // namespace
} // namespace virtpind::test
