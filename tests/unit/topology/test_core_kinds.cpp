// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/topology/sysfs_facts.hpp"
#include "tests/support/cpu_sets.hpp"
#include "tests/support/read_hosts.hpp"

#include <gtest/gtest.h>

namespace virtpind::test {
namespace {

TEST(CoreKinds, LowPowerCoresSitOutsideTheL3)
{
    auto t = synthetic("pack:1 [numa] l3:2(size=25165824) core:4 pu:1");
    t.l3s[1].size_bytes = 0; // as if cores 4-7 had none
    classify_cores(t, {{cpus("0-1"), "IntelCore"}, {cpus("2-7"), "IntelAtom"}});
    expect_invariants(t);
    EXPECT_EQ(sets(t.kinds), "0-1;2-3;4-7");
    EXPECT_EQ(t.kinds[2].core_class, CoreClass::low_power);
}

TEST(CoreKinds, DoubtMeansUniform)
{
    auto t = synthetic("pack:1 [numa] core:4 pu:1");
    classify_cores(t, {{cpus("0-1"), "IntelCore"}, {cpus("2"), "IntelAtom"}});
    EXPECT_FALSE(t.is_hybrid());
    ASSERT_EQ(t.warnings.size(), 1U);
    EXPECT_NE(t.warnings[0].find("CPUs 3"), std::string::npos);

    auto one_type = synthetic("pack:1 [numa] core:4 pu:1");
    classify_cores(one_type, {{cpus("0-3"), "IntelCore"}});
    EXPECT_FALSE(one_type.is_hybrid());
    EXPECT_EQ(one_type.kinds[0].core_class, CoreClass::uniform);
    EXPECT_TRUE(one_type.warnings.empty());
}

} // namespace
} // namespace virtpind::test
