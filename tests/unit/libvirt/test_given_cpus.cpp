// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/libvirt/given_cpus.hpp"
#include "tests/support/cpu_sets.hpp"
#include "tests/support/temporary_folder.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace virtpind {
namespace {

using test::cpus;

std::string seen(const std::optional<std::string>& pin, std::string_view kernel,
                 std::string_view given)
{
    RunningDomain running;
    if (pin) {
        running.pins.vcpus[VcpuId{0}] = cpus(*pin);
    }
    running.affinities = {{VcpuId{0}, cpus(kernel)}};
    add_given_cpus(running, cpus(given));
    return running.affinities->at(VcpuId{0}).str();
}

TEST(GivenCpus, AreNoneThatAThreadLacks)
{
    EXPECT_EQ(seen("0-7", "0-3,6-7", "4-5"), "0-7");
    EXPECT_EQ(seen(std::nullopt, "0-3,6-7", "4-5"), "0-7");
    EXPECT_EQ(seen("4", "4", "4-5"), "4");
    EXPECT_EQ(seen("0-7", "0-3,6-7", ""), "0-3,6-7");
}

TEST(GivenCpus, HideNoOtherDifference)
{
    EXPECT_EQ(seen("0-7", "0-3,6", "4-5"), "0-3,6");
    EXPECT_EQ(seen("4", "0-3,6-7", "4-5"), "0-3,6-7");
    EXPECT_EQ(seen("6-7", "0-3", "4-5"), "0-3");
}

TEST(GivenCpus, AreWhatTheSliceMayGive)
{
    const test::TemporaryFolder root;
    EXPECT_TRUE(read_given_cpus(root.path()).empty());
    root.write("sys/fs/cgroup/machine.slice/cpuset.cpus.exclusive.effective", "4-5\n");
    EXPECT_EQ(read_given_cpus(root.path()).str(), "4-5");
}

} // namespace
} // namespace virtpind
