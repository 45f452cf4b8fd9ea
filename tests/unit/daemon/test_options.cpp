// SPDX-License-Identifier: LGPL-2.1-or-later
// Words of the command line and what they become.
#include "daemon/options.hpp"

#include <gtest/gtest.h>

#include <variant>
#include <vector>

namespace virtpind {
namespace {

TEST(Options, WrongOnesPointToTheHelpOfTheCommand)
{
    const std::vector<const char*> words{"virtpind", "plan", "--format", "yaml", "a.xml"};
    const auto options = parse_options(static_cast<int>(words.size()), words.data());
    ASSERT_FALSE(options.ok());
    EXPECT_NE(options.error().message.find("; see virtpind plan --help"), std::string::npos)
        << options.error().message;
}

TEST(Options, ThoseOfTheDaemonBeforeACommandAreRefusedAndNotIgnored)
{
    struct Case {
        std::vector<const char*> words;
        const char* expected;
    };

    for (const auto& [words, expected] : {
             Case{{"virtpind", "--uri", "test:///default", "restore", "web1"},
                  "--uri before 'restore' is an option of the daemon; write it after 'restore'"},
             Case{{"virtpind", "--state-dir=/tmp/x", "restore", "--all"}, "--state-dir before"},
             Case{{"virtpind", "--config", "nope.json", "plan", "a.xml"},
                  "--config before 'plan' is an option of the daemon; write it after 'plan'"},
             Case{{"virtpind", "--topology", "live", "plan", "a.xml"}, "write it after 'plan'"},
             Case{{"virtpind", "--bus", "session", "plan", "a.xml"},
                  "'plan' has no such option; see virtpind plan --help"},
             Case{{"virtpind", "--check-config", "restore", "--all"}, "--check-config before"},
         }) {
        const auto options = parse_options(static_cast<int>(words.size()), words.data());
        ASSERT_FALSE(options.ok()) << expected;
        EXPECT_EQ(options.error().code, Errc::invalid_argument);
        EXPECT_NE(options.error().message.find(expected), std::string::npos)
            << options.error().message;
    }
    const std::vector<const char*> after{"virtpind", "restore", "--uri", "test:///default", "web1"};
    const auto options = parse_options(static_cast<int>(after.size()), after.data());
    ASSERT_TRUE(options.ok()) << options.error().message;
    EXPECT_EQ(std::get<RestoreOptions>(*options).uri, "test:///default");
}

TEST(Options, WordsForVirtpinctlPointThere)
{
    const std::vector<const char*> words{"virtpind", "win11", "explain"};
    const auto options = parse_options(static_cast<int>(words.size()), words.data());
    ASSERT_FALSE(options.ok());
    EXPECT_NE(options.error().message.find("unknown command 'win11'"), std::string::npos);
    EXPECT_NE(options.error().message.find("see virtpinctl --help"), std::string::npos);
}

TEST(Options, OfTheDoctorBecomeValues)
{
    const std::vector<const char*> words{"virtpind",  "doctor",  "--json",
                                         "--fail-on", "warning", "a"};
    const auto options = parse_options(static_cast<int>(words.size()), words.data());
    ASSERT_TRUE(options.ok()) << options.error().message;
    const auto& doctor = std::get<DoctorOptions>(*options);
    EXPECT_TRUE(doctor.json);
    EXPECT_EQ(doctor.fail_on, FailOn::warning);
    EXPECT_EQ(doctor.domains, std::vector<std::string>{"a"});
    const std::vector<const char*> both{"virtpind", "doctor", "--explain", "pin.dup", "a"};
    EXPECT_FALSE(parse_options(static_cast<int>(both.size()), both.data()).ok());
}

TEST(Options, StandardInputIsNamedOnce)
{
    for (const auto& words : {std::vector<const char*>{"virtpind", "plan", "-", "-"},
                              {"virtpind", "plan", "--topology", "lscpu:-", "-"}}) {
        const auto options = parse_options(static_cast<int>(words.size()), words.data());
        ASSERT_FALSE(options.ok());
        EXPECT_NE(options.error().message.find("can be read only once"), std::string::npos)
            << options.error().message;
    }
    const std::vector<const char*> once{"virtpind", "plan", "--topology", "lscpu:-", "a.xml"};
    EXPECT_TRUE(parse_options(static_cast<int>(once.size()), once.data()).ok());
}

TEST(Options, LscpuIsForPlanOnly)
{
    for (const auto& words : {std::vector<const char*>{"virtpind", "--topology", "lscpu:a.txt"},
                              {"virtpind", "restore", "--topology", "lscpu:a.txt", "--all"},
                              {"virtpind", "migrate-xml", "--topology", "lscpu:a.txt", "web"}}) {
        const auto options = parse_options(static_cast<int>(words.size()), words.data());
        ASSERT_FALSE(options.ok());
        EXPECT_NE(options.error().message.find("lscpu:FILE is for virtpind plan only"),
                  std::string::npos)
            << options.error().message;
    }
}

} // namespace
} // namespace virtpind
