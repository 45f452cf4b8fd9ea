// SPDX-License-Identifier: LGPL-2.1-or-later
// Domains by pattern, and a configuration of several files.
#include "common/model/config_files.hpp"
#include "tests/support/temporary_folder.hpp"

#include <gtest/gtest.h>

#include <filesystem>

namespace virtpind {
namespace {

const DomainUuid web1{"11111111-1111-4111-8111-111111111111"};

class ConfigFiles : public testing::Test {
protected:
    ConfigFiles() { std::filesystem::create_directory(folder_ / "conf.d"); }

    Result<Config> read(MissingFile missing = MissingFile::is_error)
    {
        return read_config_files(folder_ / "virtpind.json", missing);
    }

    Config good()
    {
        const auto config = read();
        EXPECT_TRUE(config) << config.error().message;
        return config ? *config : Config{};
    }

    void expect_refused(const std::vector<std::string>& says)
    {
        const auto config = read();
        ASSERT_FALSE(config);
        EXPECT_EQ(config.error().code, Errc::invalid_config);
        for (const auto& part : says) {
            EXPECT_NE(config.error().message.find(part), std::string::npos)
                << part << "\n"
                << config.error().message;
        }
    }

    void domains(const std::string& text)
    {
        folder_.write("virtpind.json", "{\"domains\": {\n" + text + "}}");
    }

    static std::string policy_of(const Config& config, std::string_view name)
    {
        const auto* found = config.find_domain(web1, name);
        return found != nullptr ? found->name : "";
    }

    test::TemporaryFolder folder_;
};

TEST_F(ConfigFiles, UuidThenNameThenTheMostSpecificPatternWins)
{
    domains(R"("*": "none", "web-*": "shared", "web-?": "auto", "web-[0-9]": "passthrough",
               "web-1": "dedicated")");
    const auto config = good();
    EXPECT_EQ(policy_of(config, "web-1"), "dedicated");
    EXPECT_EQ(policy_of(config, "web-2"), "passthrough");
    EXPECT_EQ(policy_of(config, "web-x"), "auto");
    EXPECT_EQ(policy_of(config, "web-10"), "shared");
    EXPECT_EQ(policy_of(config, "db"), "none");

    domains("\"" + web1.str() + "\": \"shared\", \"web-1\": \"dedicated\", \"w*\": \"none\"");
    EXPECT_EQ(policy_of(good(), "web-1"), "shared");
}

TEST_F(ConfigFiles, PatternsAreOfNamesAndADomainMayBeNamedLikeOne)
{
    domains(R"("1111*": "shared", "web[1]": "dedicated", "web*": "none")");
    const auto config = good();
    EXPECT_EQ(policy_of(config, "x"), "") << "not of UUIDs";
    EXPECT_EQ(policy_of(config, "web[1]"), "dedicated");
    EXPECT_EQ(policy_of(config, "web1"), "dedicated");
}

TEST_F(ConfigFiles, PatternsThatAreAsSpecificAsEachOtherAreRefusedWithTheirLines)
{
    domains("\"web-*\": \"shared\",\n\"*-db\": \"dedicated\",\n\"?eb-*\": \"none\"");
    good(); // one has more characters than the other, or they say more about the rest
    domains("\"web-*\": \"shared\",\n\"*-dbx\": \"dedicated\"");
    expect_refused({"virtpind.json:3: ", "*-dbx", "'web-*' (", "virtpind.json:2)",
                    "neither is more specific", "add characters"});
    domains("\"web-*\": \"shared\",\n\"*-dbx\": \"shared\"");
    good(); // nobody could tell the difference
    domains("\"web-*\": \"shared\",\n\"dbx-*\": \"dedicated\"");
    good(); // no name matches both
}

TEST_F(ConfigFiles, BadPatternIsRefusedByLine)
{
    domains("\"web[1\": \"shared\"");
    expect_refused({"virtpind.json:2: domains.", "'[' has no ']'"});
    std::string many;
    for (auto i = 0; i < 257; ++i) {
        many += (i == 0 ? "\"" : ",\n\"") + std::to_string(i) + "*\": \"none\"";
    }
    domains(many);
    expect_refused({"virtpind.json:258: ", "more than 256 patterns"});
}

TEST_F(ConfigFiles, LaterFilesOverrideKeyByKey)
{
    folder_.write("virtpind.json", R"({"default-policy": "shared", "period-seconds": 30,
        "policies": {"fast": {"base": "shared"}, "kept": {"base": "faster"}},
        "domains": {"web": "shared", "db": "none", "w*": "none"}})");
    folder_.write("conf.d/20-b.json", R"({"default-policy": "fast",
        "domains": {"db": "dedicated", "w*": "fast"}})");
    folder_.write("conf.d/10-a.json", R"({"default-policy": "none", "housekeeping": "0",
        "policies": {"fast": {"base": "dedicated"}, "faster": {"base": "passthrough"}},
        "domains": {"db": "shared"}})");
    for (const auto* passed_over : {"30.json.dpkg-old", ".40.json", "README", "50.json~"}) {
        folder_.write(std::string{"conf.d/"} + passed_over, "nonsense");
    }
    const auto config = good();
    EXPECT_EQ(config.default_policy, "fast");
    EXPECT_EQ(config.period, std::chrono::seconds{30});
    EXPECT_TRUE(config.housekeeping);
    EXPECT_EQ(policy_of(config, "web"), "shared");
    EXPECT_EQ(policy_of(config, "db"), "dedicated");
    EXPECT_EQ(policy_of(config, "wiki"), "fast");
    EXPECT_EQ(config.domain_patterns.size(), 1U);
    EXPECT_TRUE(config.catalog.contains("kept")) << "based on one of a later file";
    const auto fast = make_policy_spec(config.catalog, "fast", {}, PolicyName::required);
    ASSERT_TRUE(fast);
}

TEST_F(ConfigFiles, ErrorsNameTheFileAndTheLine)
{
    folder_.write("virtpind.json", "{}");
    folder_.write("conf.d/10.json", "{\n\"default-polcy\": \"none\"}");
    expect_refused({"conf.d/10.json:2: ", "default-policy"});
    folder_.write("conf.d/10.json", "{\n\n\"domains\": {\"web\": \"nosuch\"}}");
    expect_refused({"conf.d/10.json:3: domains.web"});
    folder_.write("conf.d/10.json", "{\"domains\": {\"ab*\": \"none\"}}");
    folder_.write("conf.d/20.json", "{\"domains\": {\n\"*bc\": \"shared\"}}");
    expect_refused({"conf.d/20.json:2: ", "'ab*' (", "conf.d/10.json:1)"});
}

TEST_F(ConfigFiles, WhatCannotBeReadIsNotPassedOver)
{
    folder_.write("virtpind.json", "{}");
    std::filesystem::create_directory(folder_ / "conf.d/10.json");
    expect_refused({"failed to read", "conf.d/10.json"});
    std::filesystem::remove(folder_ / "conf.d/10.json");
    std::filesystem::create_symlink("nowhere", folder_ / "conf.d/20.json");
    expect_refused({"failed to read", "conf.d/20.json"});
}

TEST_F(ConfigFiles, NumberAndSizeAreBounded)
{
    folder_.write("virtpind.json", "{}");
    for (std::size_t i = 0; i <= config_files_max; ++i) {
        folder_.write("conf.d/" + std::to_string(i) + ".json", "{}");
    }
    expect_refused({"has 65 files *.json; at most 64"});
    std::filesystem::remove_all(folder_ / "conf.d");
    std::filesystem::create_directory(folder_ / "conf.d");
    for (auto i = 0; i < 5; ++i) {
        folder_.write("conf.d/" + std::to_string(i) + ".json", std::string(250'000, ' ') + "{}");
    }
    expect_refused({"conf.d/4.json", "more than 1048576 bytes"});
    folder_.write("conf.d/0.json", std::string(config_bytes_max + 1, ' '));
    expect_refused({"conf.d/0.json", "more than"});
}

TEST_F(ConfigFiles, DirectoryIsReadWithoutTheFile)
{
    folder_.write("conf.d/10.json", R"({"default-policy": "shared"})");
    const auto config = read(MissingFile::is_default);
    ASSERT_TRUE(config);
    EXPECT_EQ(config->default_policy, "shared");
    EXPECT_FALSE(read(MissingFile::is_error));
    std::filesystem::remove_all(folder_ / "conf.d");
    EXPECT_EQ(read(MissingFile::is_default)->default_policy, "none");
}

} // namespace
} // namespace virtpind
