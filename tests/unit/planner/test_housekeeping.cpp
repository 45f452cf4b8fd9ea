// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/planner/housekeeping.hpp"
#include "tests/support/plan_case.hpp"

#include <gtest/gtest.h>

namespace virtpind::test {
namespace {

TEST(Housekeeping, TakesOneCorePerFurtherIoNodeAndNeverEverything)
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

} // namespace
} // namespace virtpind::test
