// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/planner/guest/hotplug.hpp"
#include "tests/support/cpu_sets.hpp"

#include <gtest/gtest.h>

namespace virtpind::test {
namespace {

struct Case {
    const char* what;
    std::uint32_t wanted;
    std::uint32_t vcpus_max;
    const char* now;
    const char* boot;
    const char* unpluggable;
    const char* chosen;
    std::uint32_t missing = 0;
    std::uint32_t surplus = 0;
};

TEST(Hotplug, ChoosesByNumber)
{
    const Case cases[] = {
        {"no wish", 0, 8, "0-1", "0-1", "1", "0-1"},
        {"grows behind the last", 3, 8, "0-1", "0-1", "", "0-2"},
        {"takes back what the definition enables", 3, 8, "0,2", "0-2", "", "0-2"},
        {"gaps of the definition stay gaps", 10, 16, "0-3,8-11", "0-3,8-11", "", "0-3,8-13"},
        {"and when there is nothing behind them, it says how many are missing", 9, 12, "0-3,8-11",
         "0-3,8-11", "", "0-3,8-11", 1},
        {"no more than there is room for", 9, 4, "0-1", "0-1", "", "0-3", 5},
        {"shrinks from the end", 2, 8, "0-3", "0-3", "1-3", "0-1"},
        {"only what can be unplugged", 1, 8, "0-3", "0-1", "2-3", "0-1", 0, 1},
        {"never vCPU 0", 1, 8, "0,5", "0,5", "0,5", "0"},
        {"a definition that is numbered for another shape says nothing of gaps", 3, 4, "0-1",
         "0-1,8-9", "", "0-2"},
    };
    for (const auto& one : cases) {
        const auto choice = choose_vcpus({.wanted = one.wanted,
                                          .vcpus_max = one.vcpus_max,
                                          .now = vcpus(one.now),
                                          .boot = vcpus(one.boot),
                                          .unpluggable = vcpus(one.unpluggable)});
        EXPECT_EQ(choice.vcpus.str(), one.chosen) << one.what;
        EXPECT_EQ(choice.missing, one.missing) << one.what;
        EXPECT_EQ(choice.surplus, one.surplus) << one.what;
    }
}

} // namespace
} // namespace virtpind::test
