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

} // namespace
} // namespace virtpind::client
