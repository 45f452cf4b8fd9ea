// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/base/printable.hpp"

#include <gtest/gtest.h>

namespace virtpind {
namespace {

TEST(Printable, PlainTextStays)
{
    EXPECT_EQ(printable("win11 (Jürgen's) 日本 \U0001F600"), "win11 (Jürgen's) 日本 \U0001F600");
    EXPECT_EQ(printable(""), "");
}

TEST(Printable, ControlsOfTerminalsAndTextDirectionAreEscaped)
{
    EXPECT_EQ(printable("a\nb\x1b[31m\x7f"), "a\\x0ab\\x1b[31m\\x7f");
    EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b"); // C1 CSI
    EXPECT_EQ(printable("\xe2\x80\xae"
                        "evil"),
              "\\xe2\\x80\\xaeevil"); // right-to-left override
    EXPECT_EQ(printable(std::string_view{"\0x", 2}), "\\x00x");
}

TEST(Printable, BytesThatAreNotUtf8AreEscaped)
{
    EXPECT_EQ(printable("\xff"), "\\xff");
    EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf");          // overlong
    EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80"); // surrogate
    EXPECT_EQ(printable("\xe2\x82"), "\\xe2\\x82");          // cut short
    EXPECT_EQ(printable("\xf5\x80\x80\x80"), "\\xf5\\x80\\x80\\x80");
}

TEST(Printable, LongTextEndsBetweenCharacters)
{
    EXPECT_EQ(printable("abcdef", 3), "abc...");
    EXPECT_EQ(printable("aé", 2), "a...");
    EXPECT_EQ(printable("abc", 3), "abc");
}

} // namespace
} // namespace virtpind
