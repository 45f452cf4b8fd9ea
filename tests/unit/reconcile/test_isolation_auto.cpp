// SPDX-License-Identifier: LGPL-2.1-or-later
// isolate=auto: where it can be had, and without a word of what is missing where not.
#include "tests/support/isolation_test.hpp"

#include <gtest/gtest.h>

#include <string>

namespace virtpind::test {
namespace {

TEST_F(IsolationTest, WhereItCanBeHadIsHad)
{
    begin();
    ASSERT_TRUE(set_policy(1, "dedicated", {{"isolate", std::string{"auto"}}}));
    EXPECT_EQ(held(1), vcpu_cpus(1));
    EXPECT_EQ(view(1).isolated_cpus, vcpu_cpus(1));
    EXPECT_TRUE(view(1).satisfied);
}

TEST_F(IsolationTest, WhereItCannotBeHadIsSaidAndNothingIsMissing)
{
    begin();
    isolation_.refuse = {.refused = IsolationRefusal::no_helper, .cpus = {}, .detail = "gone"};
    const OptionMap where_it_can{{"isolate", std::string{"auto"}}};
    ASSERT_TRUE(set_policy(1, "dedicated", where_it_can));
    EXPECT_EQ(obstacle(1), "");
    EXPECT_EQ(left_out(1), "Other tasks are not kept off its CPUs, as isolate=auto does where it "
                           "can: virtpind-isolate does not answer (gone); systemctl enable "
                           "--now virtpind-isolate.socket lets it.");
    EXPECT_TRUE(record(1).plan->satisfied);
    EXPECT_TRUE(view(1).satisfied);
    EXPECT_EQ(view(1).shortfall.first, "");
    EXPECT_EQ(record(1).state, PinState::pinned);

    isolation_.refuse.reset(); // it can be had from now on
    period();
    EXPECT_EQ(left_out(1), "");
    EXPECT_EQ(held(1), vcpu_cpus(1));

    isolation_.units = {{.unit = "dpdk.service", .cpus = vcpu_cpus(1)}}; // and no longer
    period();
    EXPECT_NE(left_out(1).find("dpdk.service"), std::string::npos) << left_out(1);
    EXPECT_TRUE(held(1).empty());
    EXPECT_TRUE(view(1).satisfied);
}

TEST_F(IsolationTest, OfASharedDomainIsNotMissed)
{
    begin();
    ASSERT_TRUE(set_policy(1, "shared", {{"isolate", std::string{"auto"}}}));
    EXPECT_TRUE(view(1).satisfied);
    EXPECT_EQ(left_out(1), "");
    EXPECT_TRUE(isolation_.asked.empty());
}

} // namespace
} // namespace virtpind::test
