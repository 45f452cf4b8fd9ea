// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/planner/guest/guest_caches.hpp"
#include "tests/support/cpu_sets.hpp"
#include "tests/support/tuning_case.hpp"

#include <gtest/gtest.h>

namespace virtpind::test {
namespace {

std::string apic_ids(const GuestTopology& guest, const VcpuSet& enabled)
{
    CpuSet ids;
    for (const auto vcpu : enabled) {
        ids.insert(CpuId{apic_id(guest, vcpu)});
    }
    return ids.str();
}

std::string text_of(const std::vector<VcpuSet>& groups)
{
    std::string text;
    for (const auto& group : groups) {
        text += (text.empty() ? "" : " | ") + group.str();
    }
    return text;
}

// As read back from guests that were booted with these shapes.
TEST(ApicId, FieldsArePaddedToPowersOfTwo)
{
    EXPECT_EQ(apic_ids({.dies = 3, .cores = 3, .threads = 2}, vcpus("0-17")), "0-5,8-13,16-21");
    EXPECT_EQ(apic_ids({.dies = 2, .cores = 5, .threads = 2}, vcpus("0-19")), "0-9,16-25");
    EXPECT_EQ(apic_ids({.dies = 2, .cores = 7, .threads = 2}, vcpus("0-27")), "0-13,16-29");
    EXPECT_EQ(apic_ids({.cores = 6, .threads = 2}, vcpus("0-3,8-11")), "0-3,8-11");
    EXPECT_EQ(apic_ids({.sockets = 2, .cores = 3, .threads = 1}, vcpus("0-5")), "0-2,4-6");
    EXPECT_EQ(apic_ids({.sockets = 4}, vcpus("0-3")), "0-3");
}

TEST(GuestCaches, PassthroughGroupsByBlocksWhateverTheDiesSay)
{
    const CacheSharing r3900x{.l1 = 2, .l2 = 2, .l3 = 6};
    const auto flat =
        predict_guest_caches({.cores = 6, .threads = 2}, vcpus("0-11"), CpuVendor::amd, r3900x);
    EXPECT_EQ(text_of(flat.l3), "0-7 | 8-11");
    EXPECT_EQ(text_of(flat.l2), "0-1 | 2-3 | 4-5 | 6-7 | 8-9 | 10-11");
    const auto dies = predict_guest_caches({.dies = 2, .cores = 3, .threads = 2}, vcpus("0-11"),
                                           CpuVendor::amd, r3900x);
    EXPECT_EQ(text_of(dies.l3), "0-5 | 6-11");
    const auto small_dies = predict_guest_caches({.dies = 2, .cores = 2, .threads = 2},
                                                 vcpus("0-7"), CpuVendor::amd, r3900x);
    EXPECT_EQ(text_of(small_dies.l3), "0-7");
}

TEST(GuestCaches, OfflineVcpusLeaveGapsThatKeepL3sApart)
{
    const auto groups = predict_guest_caches({.cores = 6, .threads = 2}, vcpus("0-3,8-11"),
                                             CpuVendor::amd, {.l1 = 2, .l2 = 2, .l3 = 6});
    EXPECT_EQ(text_of(groups.l3), "0-3 | 8-11");
}

TEST(GuestCaches, OnlyForIntelDoesQemuCutSharingToThePackage)
{
    const GuestTopology guest{.sockets = 2, .cores = 2, .threads = 2};
    const CacheSharing host{.l1 = 2, .l2 = 2, .l3 = 64};
    EXPECT_EQ(text_of(predict_guest_caches(guest, vcpus("0-7"), CpuVendor::intel, host).l3),
              "0-3 | 4-7");
    EXPECT_EQ(text_of(predict_guest_caches(guest, vcpus("0-7"), CpuVendor::amd, host).l3), "0-7");
    const GuestTopology sockets{.sockets = 4};
    EXPECT_EQ(text_of(predict_guest_caches(sockets, vcpus("0-3"), CpuVendor::intel, host).l2),
              "0 | 1 | 2 | 3");
}

TEST(GuestCaches, QemuMakesUpAnL3PerDie)
{
    const auto groups =
        predict_emulated_caches({.sockets = 2, .dies = 2, .cores = 3}, vcpus("0-11"));
    EXPECT_EQ(text_of(groups.l3), "0-2 | 3-5 | 6-8 | 9-11");
    // Gaps change nothing there.
    EXPECT_EQ(text_of(predict_emulated_caches({.cores = 12}, vcpus("0-2,8-10")).l3), "0-2,8-10");
}

TEST(GuestCaches, UnknownLevelsHaveNoGroups)
{
    const auto groups = predict_guest_caches({.cores = 4}, vcpus("0-3"), CpuVendor::unknown,
                                             {.l1 = 0, .l2 = 0, .l3 = 4});
    EXPECT_TRUE(groups.l1.empty());
    EXPECT_EQ(text_of(groups.l3), "0-3");
}

TEST(GuestCaches, RealOnesAreThoseOfThePins)
{
    const auto host = cached_host({.l3s = 2, .cores = 3});
    const std::map<VcpuId, CpuId> pins{
        {VcpuId{0}, CpuId{2}}, {VcpuId{1}, CpuId{8}}, {VcpuId{2}, CpuId{3}}};
    const auto real = real_caches(host, pins);
    EXPECT_EQ(text_of(real.l1), "0-1 | 2");
    EXPECT_EQ(text_of(real.l3), "0-1 | 2");
    EXPECT_EQ(cache_sharing(host, CpuId{3}), (CacheSharing{.l1 = 2, .l2 = 2, .l3 = 6}));
    EXPECT_EQ(cache_sharing(regular_host({}), CpuId{0}), CacheSharing{});
}

} // namespace
} // namespace virtpind::test
