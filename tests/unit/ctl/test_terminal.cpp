// SPDX-License-Identifier: LGPL-2.1-or-later
#include "clients/ctl/terminal.hpp"

#include <gtest/gtest.h>

#include <map>

namespace virtpind::client {
namespace {

Look look_of(bool terminal, std::map<std::string, std::string> variables, std::size_t columns = 100,
             std::string codeset = "UTF-8")
{
    TerminalFacts facts{
        .out_is_terminal = terminal, .columns = columns, .rows = 25, .codeset = std::move(codeset)};
    facts.variable = [variables =
                          std::move(variables)](const char* name) -> std::optional<std::string> {
        const auto at = variables.find(name);
        return at != variables.end() ? std::optional{at->second} : std::nullopt;
    };
    return choose_look(facts, true);
}

TEST(Terminal, HasColoursUnlessSomebodySaysOtherwise)
{
    const std::string term = "xterm";
    EXPECT_TRUE(look_of(true, {{"TERM", term}}).colour);
    EXPECT_FALSE(look_of(false, {{"TERM", term}}).colour) << "a file";
    EXPECT_FALSE(look_of(true, {{"TERM", "dumb"}}).colour);
    EXPECT_FALSE(look_of(true, {{"TERM", term}, {"NO_COLOR", "1"}}).colour);
    EXPECT_TRUE(look_of(true, {{"TERM", term}, {"NO_COLOR", ""}}).colour)
        << "an empty NO_COLOR says nothing";
    EXPECT_TRUE(look_of(false, {{"TERM", term}, {"SYSTEMD_COLORS", "1"}}).colour);
    EXPECT_FALSE(look_of(true, {{"TERM", term}, {"SYSTEMD_COLORS", "false"}}).colour);
    EXPECT_TRUE(
        look_of(true, {{"TERM", term}, {"NO_COLOR", "1"}, {"SYSTEMD_COLORS", "256"}}).colour);
}

TEST(Terminal, HasAWidthAndAFileHasNone)
{
    EXPECT_EQ(look_of(true, {}).width, 100U);
    EXPECT_EQ(look_of(true, {}, 0).width, 80U);
    EXPECT_EQ(look_of(false, {}).width, 0U);
    EXPECT_EQ(look_of(true, {{"COLUMNS", "20"}}).width, 20U);
    EXPECT_EQ(look_of(false, {{"COLUMNS", "20"}}).width, 0U) << "a program reads all of it";
    EXPECT_EQ(look_of(true, {{"COLUMNS", "many"}}).width, 100U);
}

TEST(Terminal, HasAsciiWhereTheLocaleIsNotUtf8)
{
    EXPECT_TRUE(look_of(true, {}).utf8);
    EXPECT_FALSE(look_of(true, {}, 100, "ANSI_X3.4-1968").utf8);
}

} // namespace
} // namespace virtpind::client
