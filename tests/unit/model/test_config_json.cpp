// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/base/json_reader.hpp"
#include "common/model/config_json.hpp"
#include "common/model/policy_options.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace virtpind {
namespace {

Config parsed(std::string_view text)
{
    auto config = parse_config(text, "t.json");
    EXPECT_TRUE(config) << (config ? "" : config.error().message);
    return config ? *config : Config{};
}

std::string refusal(std::string_view text)
{
    const auto config = parse_config(text, "t.json");
    EXPECT_FALSE(config) << text;
    if (config) {
        return {};
    }
    EXPECT_EQ(config.error().code, Errc::invalid_config);
    return config.error().message;
}

bool starts(const std::string& text, std::string_view start)
{
    return text.rfind(start, 0) == 0;
}

TEST(Config, EmptyObjectGivesTheDefaults)
{
    const auto config = parsed("{}");
    EXPECT_EQ(config.default_policy, "none");
    EXPECT_FALSE(config.housekeeping);
    EXPECT_EQ(config.period, std::chrono::seconds{60});
    EXPECT_TRUE(config.tidy);
    EXPECT_TRUE(config.domains.empty());
}

TEST(Config, ReadsEveryKeyAndComments)
{
    const auto config = parsed(R"({
        // one line
        "default-policy": "gaming",   /* or
        several */
        "housekeeping": "0,12",
        "period-seconds": 5,
        "tidy": false,
        "policies": {
            "late": {"base": "gaming", "priority": -1},
            "gaming": {"base": "passthrough", "isolate": true, "tune": ["invtsc"], "vcpus": 8}
        },
        "domains": {
            "web1": "shared",
            "C0FFEE00-0000-4000-8000-00000000000A": {"policy": "late", "smt": "isolate"},
            "db": {"cpus": "4-7"}
        }
    })");
    EXPECT_EQ(config.default_policy, "gaming");
    ASSERT_TRUE(config.housekeeping);
    EXPECT_EQ(config.housekeeping->str(), "0,12");
    EXPECT_EQ(config.period, std::chrono::seconds{5});
    EXPECT_FALSE(config.tidy);
    const auto& late = config.catalog.options_of("late");
    EXPECT_EQ(late.at("priority"), OptionValue{std::int32_t{-1}});
    EXPECT_EQ(late.at("vcpus"), OptionValue{std::uint32_t{8}});
    EXPECT_EQ(late.at("tune"), OptionValue{std::vector<std::string>{"invtsc"}});
    EXPECT_EQ(config.domains.at("web1").name, "shared");
    EXPECT_EQ(config.domains.at("c0ffee00-0000-4000-8000-00000000000a").name, "late");
    EXPECT_EQ(config.domains.at("db").name, "");
    EXPECT_EQ(config.domains.at("db").options.at("cpus"), OptionValue{std::string{"4-7"}});
}

TEST(Config, HousekeepingHasThreeForms)
{
    EXPECT_FALSE(parsed(R"({"housekeeping": "auto"})").housekeeping);
    EXPECT_EQ(parsed(R"({"housekeeping": ""})").housekeeping, CpuSet{});
    EXPECT_EQ(parsed(R"({"housekeeping": "0-1"})").housekeeping, CpuSet::range(0, 1));
    EXPECT_TRUE(starts(refusal("{\n\"housekeeping\": \"x\"}"),
                       "t.json:2: housekeeping: expected \"auto\" or a list of CPUs"));
}

TEST(Config, ErrorsNameFileLinePathAndTheWayOut)
{
    struct Case {
        const char* text;
        const char* expected;
    };

    for (const auto& [text, expected] : {
             Case{"{\n\n\"defalt-policy\": \"none\"}",
                  "t.json:3: defalt-policy: unknown key 'defalt-policy'; did you mean "
                  "'default-policy'? Valid: default-policy, housekeeping, period-seconds, "
                  "tidy, policies, domains"},
             Case{"{\"default-policy\": \"nope\"}",
                  "t.json:1: default-policy: unknown policy 'nope'; did you mean 'none'? Valid: "
                  "none, shared, dedicated, passthrough, auto"},
             Case{"{\"default-policy\": 5}", "t.json:1: default-policy: a string is expected"},
             Case{"{\"period-seconds\":\n4}",
                  "t.json:2: period-seconds: a whole number from 5 to 3600 is expected"},
             Case{"{\"tidy\": \"no\"}", "t.json:1: tidy: true or false is expected"},
             Case{"{\"period-seconds\": 60.0}", "t.json:1: period-seconds: a whole number"},
             Case{"{\"period-seconds\": 3601}", "t.json:1: period-seconds: a whole number"},
             Case{"{\"domains\": {\"a\": {\n\"policy\": \"dedicated\",\n\"smtt\": \"x\"}}}",
                  "t.json:3: domains.a.smtt: unknown key 'smtt'; did you mean 'smt'?"},
             Case{"{\"domains\": {\"a\": {\"smt\":\n\"isolat\"}}}",
                  "t.json:2: domains.a.smt: option 'smt': unknown value 'isolat'; did you mean "
                  "'isolate'?"},
             Case{"{\"domains\": {\"a\": {\"vcpus\": -1}}}",
                  "t.json:1: domains.a.vcpus: a whole number from 0"},
             Case{"{\"domains\": {\"a\": {\"tune\": [\"invtsc\", 3]}}}",
                  "t.json:1: domains.a.tune[1]: a string is expected"},
             Case{"{\"domains\": {\"a\": {\"isolate\": \"true\"}}}",
                  "t.json:1: domains.a.isolate: true, false or \"auto\" is expected"},
             Case{"{\"domains\": {\"a b\": 3}}",
                  "t.json:1: domains.['a b']: an object {...} is expected"},
             Case{"{\"domains\": {\"\": \"none\"}}", "t.json:1: domains.: a domain needs a name"},
             Case{"{\"domains\": {\"a\": {\"policy\": \"shared\", \"emulator\": \"own\"}}}",
                  "t.json:1: domains.a: option 'emulator': 'own' needs placement=dedicated"},
             Case{"{\"domains\": [1]}", "t.json:1: domains: an object {...} is expected"},
             Case{"[]", "t.json:1: an object {...} is expected"},
             Case{"{\"policies\": {\"p\": {\"smt\": \"require\"}}}",
                  "t.json:1: policies.p: 'base' is missing"},
             Case{"{\"policies\": {\"auto\": {\"base\": \"none\"}}}",
                  "t.json:1: policies.auto: policy 'auto' is built in"},
             Case{"{\"policies\": {\"p\": {\"base\": \"q\"}}}",
                  "t.json:1: policies.p: unknown policy 'q'"},
             Case{"{\"policies\": {\n\"p\": {\"base\": \"q\"}, \"q\": {\"base\": \"r\"},\n"
                  "\"r\": {\"base\": \"q\"}}}",
                  "t.json:2: policies.p: policy 'p' is based on itself through 'q'"},
         }) {
        const auto message = refusal(text);
        EXPECT_TRUE(starts(message, expected)) << message << "\n" << expected;
    }
}

TEST(Config, OneDomainUnderTwoSpellingsIsRefused)
{
    EXPECT_TRUE(
        starts(refusal("{\"domains\": {\"C0FFEE00-0000-4000-8000-00000000000A\": \"none\",\n"
                       "\"c0ffee00-0000-4000-8000-00000000000a\": \"none\"}}"),
               "t.json:2: domains.c0ffee00-0000-4000-8000-00000000000a: this domain is "
               "listed twice"));
}

TEST(Config, MalformedTextIsRefusedWithItsLine)
{
    struct Case {
        const char* text;
        const char* expected;
    };

    for (const auto& [text, expected] : {
             Case{"", "t.json:1: not valid JSON: "},
             Case{"{\n\"a\": 1,\n}", "t.json:3: not valid JSON: a comma stands before '}'; "
                                     "remove the comma before }"},
             Case{"{\"a\": [1,\n]}", "t.json:2: not valid JSON: a comma stands before ']'; "
                                     "remove the comma before ]"},
             Case{"{\"a\": }", "t.json:1: not valid JSON: syntax error"},
             Case{"{} x", "t.json:1: not valid JSON: "},
             Case{"{}\n\n{}", "t.json:3: not valid JSON: "},
             Case{"{\"a\": 1e999}", "t.json:1: not valid JSON: "},
             Case{"{\"period-seconds\": 5\n\n\"x\"", "t.json:3: not valid JSON: "},
             Case{"{\n\"a\": \"\xff\"}", "t.json:2: not valid JSON: "},
             Case{"{\"a\": 1,\n\"b\": {},\n\"a\": 2}",
                  "t.json:3: key 'a' appears twice, first in line 1"},
             Case{"{\"domains\": {\"x\": {\"smt\": \"prefer\",\n\"smt\": \"prefer\"}}}",
                  "t.json:2: key 'smt' appears twice"},
         }) {
        const auto message = refusal(text);
        EXPECT_TRUE(starts(message, expected)) << message << "\n" << expected;
        EXPECT_LT(message.size(), 500U);
    }
}

TEST(Config, SizeAndDepthAreBounded)
{
    const std::string blanks(config_bytes_max - 2, ' ');
    EXPECT_TRUE(parse_config(blanks + "{}", "t.json"));
    EXPECT_TRUE(starts(refusal(blanks + " {}"), "t.json:1: has 262145 bytes; at most 262144"));
    EXPECT_TRUE(
        starts(refusal(std::string(100'000, '[')), "t.json:1: nested deeper than 32 levels"));
    EXPECT_TRUE(parse_json(std::string(32, '[') + std::string(32, ']'), "t",
                           {.bytes_max = 100, .depth_max = 32}));
    std::string policies = "{\"policies\": {";
    for (auto i = 0; i <= 256; ++i) {
        policies += (i == 0 ? "\"p" : ",\"p") + std::to_string(i) + "\": {\"base\": \"none\"}";
    }
    EXPECT_TRUE(starts(refusal(policies + "}}"), "t.json:1: policies: more than 256 policies"));
}

TEST(JsonReader, EveryValueKnowsItsLine)
{
    const auto document = parse_json("[\n1,\n-2\n,\n\"x\",true ,\n{\n\"a\":\n[\n]}\n,3\n]", "d",
                                     {.bytes_max = 1000, .depth_max = 8});
    ASSERT_TRUE(document);
    const auto items = document->root().as_array();
    ASSERT_TRUE(items);
    std::vector<std::string> places;
    for (const auto& item : *items) {
        places.push_back(item.error("").message);
    }
    EXPECT_EQ(places, (std::vector<std::string>{"d:2: [0]: ", "d:3: [1]: ", "d:5: [2]: ",
                                                "d:5: [3]: ", "d:6: [4]: ", "d:10: [5]: "}));
    const auto members = (*items)[4].as_object();
    ASSERT_TRUE(members);
    EXPECT_EQ(members->front().second.error("").message, "d:8: [4].a: ");
}

class ShippedConfig : public testing::Test {
protected:
    void SetUp() override
    {
        const auto* path = std::getenv("VIRTPIND_SHIPPED_CONFIG");
        if (path == nullptr) {
            GTEST_SKIP() << "VIRTPIND_SHIPPED_CONFIG does not name the file: meson test -C BUILD "
                            "test_config_json does";
        }
        std::ifstream file{path};
        std::ostringstream read;
        read << file.rdbuf();
        text_ = read.str();
        ASSERT_FALSE(text_.empty());
    }

    std::string text_;
};

TEST_F(ShippedConfig, ParsesAndChangesNothing)
{
    const auto config = parsed(text_);
    EXPECT_EQ(config.default_policy, "none");
    EXPECT_FALSE(config.housekeeping);
    EXPECT_TRUE(config.domains.empty());
}

TEST_F(ShippedConfig, ItsExamplesParseAndMentionEveryOption)
{
    // Example lines are those behind "//"; explanations are behind "// #".
    std::istringstream lines{text_};
    std::string examples;
    std::string line;
    while (std::getline(lines, line)) {
        const auto slashes = line.find("//");
        const auto is_comment = slashes != std::string::npos;
        const auto is_text = is_comment && line.compare(slashes, 4, "// #") == 0;
        examples += is_text ? "" : is_comment ? line.substr(slashes + 2) : line;
        examples += '\n';
    }
    const auto config = parsed(examples);
    EXPECT_FALSE(config.domains.empty());
    ASSERT_TRUE(config.catalog.contains("every-option"));
    for (const auto& option : option_table()) {
        EXPECT_EQ(config.catalog.options_of("every-option").count(option.name), 1U) << option.name;
    }
}

} // namespace
} // namespace virtpind
