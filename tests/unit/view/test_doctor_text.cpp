// SPDX-License-Identifier: LGPL-2.1-or-later
#include "clients/view/doctor_text.hpp"

#include <gtest/gtest.h>

namespace virtpind::client {
namespace {

constexpr auto answer = R"({
    "guests": ["win11", "build"],
    "findings": [
        {"id": "pin.cross-llc", "severity": "warning", "guest": "win11", "evidence": "its vCPUs are on 2 L3s",
         "why": "data goes the long way", "fix": "virtpinctl set win11 dedicated", "automatic": true,
         "set-policy": {"policy": "dedicated", "options": {}, "from-next-start": false}},
        {"id": "pin.offline-cpu", "severity": "error", "guest": "win11", "evidence": "CPU 31\u001b is offline",
         "why": "", "fix": ""},
        {"id": "host.governor", "severity": "note", "guest": "", "evidence": "CPUs 8-15 use powersave"}],
    "not-measured": [{"id": "host.scx", "guest": "", "reason": "no such file"}],
    "summary": {"errors": 1}})";

TEST(DoctorText, IsByGuestAndSeverity)
{
    const auto diagnosis = read_diagnosis(answer);
    ASSERT_TRUE(diagnosis) << diagnosis.error().message;
    EXPECT_EQ(render_diagnosis(*diagnosis, false, {.width = 80}), R"([✗] win11: 1 error, 1 warning
  ✗ pin.offline-cpu: CPU 31\x1b is offline
  ▲ pin.cross-llc: its vCPUs are on 2 L3s
      so    data goes the long way
      fix   virtpinctl set win11 dedicated   (live)
[✓] build
[·] host: 1 note
  · host.governor: CPUs 8-15 use powersave
[?] 1 check not measured; -v lists them, and virtpind doctor measures the host

1 error, 1 warning, 1 note; nothing was changed.
)");
    EXPECT_TRUE(has_faults(*diagnosis));
    EXPECT_NE(render_diagnosis(*diagnosis, false, {.legend = false}).find("1 check not measured\n"),
              std::string::npos)
        << "no hints without a legend";
    EXPECT_NE(render_diagnosis(*diagnosis, true, {}).find("? host.scx: no such file"),
              std::string::npos);
}

TEST(DoctorText, EndsWellWhereNothingIsWrong)
{
    const auto diagnosis = read_diagnosis(R"({"guests": ["build"], "findings": []})");
    ASSERT_TRUE(diagnosis);
    EXPECT_FALSE(has_faults(*diagnosis));
    EXPECT_EQ(render_diagnosis(*diagnosis, false, {.width = 80, .utf8 = false}),
              "[+] build\n\nNothing is wrong; nothing was changed.\n");
}

TEST(DoctorText, RefusesWhatIsNoAnswer)
{
    for (const auto* text : {"", "[]", "{", "null"}) {
        EXPECT_FALSE(read_diagnosis(text)) << text;
    }
    EXPECT_TRUE(read_diagnosis(R"({"findings": 1, "guests": {"a": 1}})"))
        << "members of other types are skipped";
}

constexpr auto to_mend = R"({"findings": [
    {"id": "a", "guest": "win11", "automatic": true, "fix": "virtpinctl set win11 dedicated",
     "set-policy": {"policy": "dedicated", "options": {"cpus": "0-3", "priority": 2, "tune": ["x", "y"]}}},
    {"id": "b", "guest": "win11", "automatic": true, "set-policy": {"policy": "", "options": {"smt": "require"}}},
    {"id": "b", "guest": "build", "automatic": true, "set-policy": {"policy": "dedicated", "options": {}}},
    {"id": "c", "guest": "", "automatic": false, "fix": "echo 0"}]})";

TEST(DoctorText, FindsWhatTheServiceCanMend)
{
    const auto diagnosis = read_diagnosis(to_mend);
    ASSERT_TRUE(diagnosis);
    const auto found = find_to_mend(*diagnosis, "a");
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ((*found)->words,
              (std::vector<std::string>{"dedicated", "cpus=0-3", "priority=2", "tune=x,y"}));
}

TEST(DoctorText, SaysWhyItCannotMend)
{
    const auto diagnosis = read_diagnosis(to_mend);
    ASSERT_TRUE(diagnosis);
    const auto several = find_to_mend(*diagnosis, "b");
    ASSERT_FALSE(several);
    EXPECT_NE(several.error().message.find("win11, build; name one"), std::string::npos)
        << several.error().message;
    const auto by_hand = find_to_mend(*diagnosis, "c");
    ASSERT_FALSE(by_hand);
    EXPECT_EQ(by_hand.error().code, Errc::unsupported);
    EXPECT_NE(by_hand.error().message.find("by hand: echo 0"), std::string::npos);
    const auto unknown = find_to_mend(*diagnosis, "x\t");
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().code, Errc::invalid_argument);
    EXPECT_NE(unknown.error().message.find("it finds: a, b, c"), std::string::npos)
        << unknown.error().message;
}

} // namespace
} // namespace virtpind::client
