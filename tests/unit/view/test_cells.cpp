// SPDX-License-Identifier: LGPL-2.1-or-later
#include "clients/view/cells.hpp"

#include <gtest/gtest.h>

namespace virtpind::client {
namespace {

TEST(Cells, AreCountedAsTerminalsDo)
{
    EXPECT_EQ(cell_width("win11"), 5U);
    EXPECT_EQ(cell_width("Gäste"), 5U);
    EXPECT_EQ(cell_width("虚拟机"), 6U);
    EXPECT_EQ(cell_width("e\u0301"), 1U) << "a combining accent takes no cell";
    EXPECT_EQ(cell_width(""), 0U);
    EXPECT_EQ(cell_width("\xFF"), 1U) << "what is no UTF-8 does not end the count";
}

TEST(Cells, AreClippedBetweenCharacters)
{
    EXPECT_EQ(clipped("虚拟机", 6, {}), "虚拟机");
    EXPECT_EQ(clipped("虚拟机", 5, {}), "虚拟…");
    EXPECT_EQ(clipped("虚拟机", 4, {}), "虚…") << "half a character is none";
    EXPECT_EQ(clipped("windows", 4, {.utf8 = false}), "win~");
    EXPECT_EQ(clipped("windows", 0, {}), "windows");
}

TEST(Cells, ShowOtherCharactersInAscii)
{
    const Look ascii{.utf8 = false};
    EXPECT_EQ(in_charset("a → b…", ascii), "a -> b...");
    EXPECT_EQ(in_charset("Gäste", ascii), "G\\xc3\\xa4ste");
    EXPECT_EQ(in_charset("Gäste", {}), "Gäste");
}

TEST(Cells, WrapParagraphsAtWords)
{
    EXPECT_EQ(paragraph("* ", "  ", "one two three", {.width = 14}), "* one two\n  three\n");
    EXPECT_EQ(paragraph("* ", "  ", "one two three", {}), "* one two three\n");
    EXPECT_EQ(paragraph("* ", "  ", "", {.width = 14}), "* \n");
    EXPECT_EQ(paragraph("", "", "abcdefghijklmnopqrstuvwxyz", {.width = 20}),
              "abcdefghijklmnopqrst\nuvwxyz\n")
        << "a word that is longer than a line is cut";
}

} // namespace
} // namespace virtpind::client
