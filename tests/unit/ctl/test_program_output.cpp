// SPDX-License-Identifier: LGPL-2.1-or-later
#include "clients/ctl/program_output.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace virtpind::client {
namespace {

using namespace std::chrono_literals;

TEST(ProgramOutput, IsWhatItPrints)
{
    const auto text =
        program_output({"sh", "-c", "cat; echo error >&2; printf '%s' \"$0\"", "a b;c"}, 60s);
    ASSERT_TRUE(text) << text.error().message;
    EXPECT_EQ(*text, "a b;c");
}

TEST(ProgramOutput, IsNoneWhereItFails)
{
    for (const auto& [words, code] : std::vector<std::pair<std::vector<std::string>, Errc>>{
             {{"/nonexistent/program"}, Errc::not_found},
             {{"sh", "-c", "echo half; exit 1"}, Errc::apply_failed},
             {{"sh", "-c", "kill -KILL $$"}, Errc::apply_failed},
             {{"sleep", "1000"}, Errc::timed_out},
             {{"cat", "/dev/zero"}, Errc::limits_exceeded}}) {
        const auto text = program_output(words, words.front() == "sleep" ? 50ms : 60s);
        ASSERT_FALSE(text) << words.back();
        EXPECT_EQ(text.error().code, code) << text.error().message;
    }
}

} // namespace
} // namespace virtpind::client
