// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/libvirt/backoff.hpp"

#include <gtest/gtest.h>

namespace virtpind {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Backoff::Clock::time_point start{seconds{1000}};

TEST(Backoff, DoublesUpToTheLongest)
{
    Backoff backoff;
    std::vector<milliseconds::rep> pauses;
    for (int attempt = 0; attempt < 9; ++attempt) {
        pauses.push_back(backoff.failed(start, 0.0).count());
    }
    EXPECT_EQ(pauses, (std::vector<milliseconds::rep>{500, 1000, 2000, 4000, 8000, 16000, 30000,
                                                      30000, 30000}));
}

TEST(Backoff, ChanceOnlyShortensByUpToAQuarter)
{
    Backoff backoff;
    EXPECT_EQ(backoff.failed(start, 0.5), milliseconds{437});
    const auto second = backoff.failed(start, 0.999);
    EXPECT_GE(second, milliseconds{750});
    EXPECT_LT(second, milliseconds{760});
}

TEST(Backoff, OnlyAConnectionThatHeldStartsOver)
{
    Backoff backoff;
    EXPECT_EQ(backoff.failed(start, 0.0), milliseconds{500});
    backoff.connected(start);
    EXPECT_EQ(backoff.failed(start + seconds{1}, 0.0), milliseconds{1000});
    backoff.connected(start);
    EXPECT_EQ(backoff.failed(start + Backoff::longest, 0.0), milliseconds{500});
    // The next failure is another attempt, not the loss of that connection.
    EXPECT_EQ(backoff.failed(start + Backoff::longest * 3, 0.0), milliseconds{1000});
}

} // namespace
} // namespace virtpind
