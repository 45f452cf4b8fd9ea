// SPDX-License-Identifier: LGPL-2.1-or-later
// How much is tidied up, when, and what is told of it afterwards.
#include "daemon/reconcile/tidy_allowance.hpp"
#include "tests/support/reasons.hpp"
#include "tests/support/spine.hpp"

#include <gtest/gtest.h>

namespace virtpind::test {
namespace {

using namespace std::chrono_literals;

TEST(TidyAllowance, IsOfTheLastMinute)
{
    const TidyAllowance::Time start{1h};
    TidyAllowance allowance;
    EXPECT_EQ(allowance.left(start), 64U);
    allowance.spend(start, 60);
    allowance.spend(start + 30s, 3);
    EXPECT_EQ(allowance.left(start + 30s), 1U);
    EXPECT_EQ(allowance.left(start + 59s), 1U);
    EXPECT_EQ(allowance.left(start + 60s), 61U);
    EXPECT_EQ(allowance.left(start + 90s), 64U);
}

TEST(TidyAllowance, NeverGoesBelowNothing)
{
    TidyAllowance allowance;
    allowance.spend({}, 65);
    EXPECT_EQ(allowance.left({}), 0U);
}

class TidyingTest : public ReconcilerTest {
protected:
    // CPU 0 and its sibling are housekeeping, so that the L3s have six and eight CPUs left: the
    // third domain finds two in one and one in the other.
    void run_three()
    {
        host_.add(1, "large", 6, 1);
        host_.add(2, "small", 5, 2);
        host_.add(3, "split", 3, 3);
        connect();
        for (int number = 1; number <= 3; ++number) {
            ASSERT_TRUE(set_policy(number, "dedicated"));
        }
        ASSERT_EQ(l3s(), 2U);
    }

    void stop_large()
    {
        FakeHost::stop(domain(1));
        changed(1, "stopped");
    }

    std::uint64_t l3s() { return record(3).plan->cost[CostTerm::l3]; }
};

TEST_F(TidyingTest, MovesOneVcpuAfterADepartureAndKeepsTellingWhy)
{
    run_three();
    const auto before = domain(3).running->pins.vcpus;
    stop_large();
    EXPECT_EQ(l3s(), 1U);
    const auto& after = domain(3).running->pins.vcpus;
    EXPECT_EQ(record(3).state, PinState::pinned);
    std::size_t moved = 0;
    for (const auto& [vcpu, cpus] : before) {
        moved += after.at(vcpu) != cpus ? 1U : 0U;
    }
    EXPECT_EQ(moved, 1U);
    changed(3, "tunable");
    EXPECT_TRUE(says(record(3).plan->reasons, ReasonCode::tidied, {{"vcpus", std::uint64_t{1}}}));
    EXPECT_TRUE(says(record(3).plan->reasons, ReasonCode::kept_in_place));
    FakeHost::stop(domain(3));
    changed(3, "stopped");
    FakeHost::start(domain(3), 9);
    changed(3, "started");
    EXPECT_FALSE(says(record(3).plan->reasons, ReasonCode::tidied)) << "of another run";
}

TEST_F(TidyingTest, ConfigurationTurnsItOff)
{
    Config config;
    config.tidy = false;
    reconciler_.on_config(config);
    run_three();
    const auto before = domain(3).running->pins.vcpus;
    stop_large();
    EXPECT_EQ(domain(3).running->pins.vcpus, before);
    EXPECT_EQ(l3s(), 2U);
}

TEST_F(TidyingTest, WaitsWhileLibvirtIsAtWorkOnSomebody)
{
    run_three();
    domain(2).facts.job_active = true;
    stop_large();
    EXPECT_EQ(l3s(), 2U);
    domain(2).facts.job_active = false;
    changed(2, "job ended");
    EXPECT_EQ(l3s(), 1U);
}

} // namespace
} // namespace virtpind::test
