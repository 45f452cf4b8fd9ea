// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/render/unified_diff.hpp"

#include <gtest/gtest.h>

#include <string>

namespace virtpind {
namespace {

TEST(UnifiedDiff, IsWhatPatchReads)
{
    EXPECT_EQ(unified_diff("a\n", "a\n", "f"), "");
    EXPECT_EQ(unified_diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n", "f"),
              "--- f\n+++ f\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
    EXPECT_EQ(unified_diff("", "a\n", "f"), "--- f\n+++ f\n@@ -0,0 +1,1 @@\n+a\n");
    EXPECT_EQ(unified_diff("a", "a\n", "f"),
              "--- f\n+++ f\n@@ -1,1 +1,1 @@\n-a\n\\ No newline at end of file\n+a\n");
}

TEST(UnifiedDiff, FarChangesAreHunksOfTheirOwn)
{
    std::string before;
    std::string after;
    for (auto i = 0; i < 30; ++i) {
        const auto line = std::to_string(i) + "\n";
        before += line;
        after += i == 3 || i == 25 ? "x" + line : i == 10 ? "" : line;
    }
    const auto diff = unified_diff(before, after, "f");
    EXPECT_NE(diff.find("@@ -1,14 +1,13 @@"), std::string::npos) << diff; // 3 and 10 touch
    EXPECT_NE(diff.find("@@ -23,7 +22,7 @@"), std::string::npos) << diff;
}

} // namespace
} // namespace virtpind
