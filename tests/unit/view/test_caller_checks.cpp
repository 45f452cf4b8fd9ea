// SPDX-License-Identifier: LGPL-2.1-or-later
#include "clients/view/caller_checks.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace virtpind::client {
namespace {

using Json = nlohmann::json;

constexpr auto of_service = R"({
    "guests": ["win11"],
    "findings": [{"id": "pin.cross-llc", "severity": "warning", "guest": "win11",
                  "evidence": "as the service sees it"}],
    "not-measured": [{"id": "host.governor", "guest": "", "reason": "not here"},
                     {"id": "host.irq", "guest": "", "reason": "not here"},
                     {"id": "host.scx", "guest": "", "reason": "not here"}],
    "summary": {"errors": 0, "warnings": 1, "notes": 0}})";
constexpr auto of_command = R"({
    "guests": ["win11"],
    "findings": [{"id": "pin.cross-llc", "severity": "warning", "guest": "win11", "evidence": "as others see it"},
                 {"id": "pin.other", "severity": "error", "guest": "win11", "evidence": "the service knows better"},
                 {"id": "host.irq", "severity": "warning", "guest": "win11", "evidence": "irq 9"},
                 {"id": "host.governor", "severity": "note", "guest": "", "evidence": "powersave"}],
    "not-measured": [{"id": "host.scx", "guest": "", "reason": "no such file"}]})";

TEST(CallerChecks, CompleteWhatTheServiceCannotMeasure)
{
    const auto whole = with_caller_checks(of_service, of_command);
    ASSERT_TRUE(whole) << whole.error().message;
    const auto json = Json::parse(*whole);
    std::vector<std::string> found;
    for (const auto& finding : json["findings"]) {
        found.push_back(finding["id"].get<std::string>() + ": " +
                        finding["evidence"].get<std::string>());
    }
    EXPECT_EQ(found, (std::vector<std::string>{"pin.cross-llc: as the service sees it",
                                               "host.irq: irq 9", "host.governor: powersave"}));
    EXPECT_EQ(json["not-measured"],
              Json::parse(R"([{"id": "host.scx", "guest": "", "reason": "no such file"}])"));
    EXPECT_EQ(json["summary"], Json::parse(R"({"errors": 0, "warnings": 2, "notes": 1})"));
}

TEST(CallerChecks, RefuseWhatIsNoAnswer)
{
    for (const auto* text : {"", "[]", "{"}) {
        EXPECT_FALSE(with_caller_checks(of_service, text)) << text;
        EXPECT_FALSE(with_caller_checks(text, of_command)) << text;
    }
    EXPECT_TRUE(
        with_caller_checks(R"({"findings": 1})", R"({"not-measured": {}, "findings": ["x", 2]})"));
}

TEST(CallerChecks, GiveTheCommandNoUriThatRunsPrograms)
{
    EXPECT_TRUE(is_plain_local_uri("qemu:///system"));
    EXPECT_TRUE(is_plain_local_uri("test:///default"));
    EXPECT_FALSE(is_plain_local_uri("qemu:///system;reboot"));
    EXPECT_FALSE(is_plain_local_uri("qemu:///$(reboot)"));
    EXPECT_FALSE(is_plain_local_uri("qemu:///a b"));
    for (const auto* uri : {"", "qemu+ext:///system?command=/tmp/x", "qemu:///system?socket=/tmp/x",
                            "qemu://host/system", "qemu+ssh://host/system", "--root=/", "system"}) {
        EXPECT_FALSE(is_plain_local_uri(uri)) << uri;
    }
}

} // namespace
} // namespace virtpind::client
