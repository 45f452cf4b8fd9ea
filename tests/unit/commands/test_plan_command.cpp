// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/commands/plan_command.hpp"
#include "daemon/topology/topology_export.hpp"
#include "tests/support/temporary_folder.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <sstream>

namespace virtpind {
namespace {

constexpr auto ryzen = "pack:1 [numa(memory=68719476736)] l3:2(size=33554432) core:6 "
                       "pu:2(indexes=2*12:12*1)";

class PlanCommand : public testing::Test {
protected:
    std::string write(const std::string& name, const std::string& text)
    {
        return folder_.write(name, text).string();
    }

    int run(const PlanOptions& options)
    {
        out_.str("");
        err_.str("");
        return run_plan_command(options, out_, err_);
    }

    int run_scenario(const std::string& domains, PlanFormat format = PlanFormat::json)
    {
        const auto path = write("s.json", std::string{"{\"topology\": {\"synthetic\": \""} + ryzen +
                                              "\"}, \"domains\": " + domains + "}");
        return run({.format = format, .scenario = path});
    }

    nlohmann::json answer() { return nlohmann::json::parse(out_.str()); }

    test::TemporaryFolder folder_;
    const TopologySource ryzen_ = *parse_topology_source(std::string{"synthetic:"} + ryzen);
    std::ostringstream out_;
    std::ostringstream err_;
};

constexpr auto win11 = R"([{"name": "win11", "uuid": "11111111-1111-4111-8111-111111111111",
    "vcpus": 12, "topology": {"cores": 6, "threads": 2}, "iothreads": [1],
    "policy": {"name": "dedicated", "smt": "require"}}])";

TEST_F(PlanCommand, AnswersAsDocumented)
{
    ASSERT_EQ(run_scenario(win11), 0) << err_.str();
    const auto json = answer();
    EXPECT_EQ(json["host"]["cpus"], "0-23");
    EXPECT_EQ(json["host"]["usable"], "0-23");
    EXPECT_EQ(json["host"]["housekeeping"], "0,12");
    EXPECT_EQ(json["host"]["pool"], "1-5,13-17");
    EXPECT_TRUE(json["elapsed-us"].is_number_integer());
    ASSERT_EQ(json["domains"].size(), 1U);
    const auto& domain = json["domains"][0];
    EXPECT_EQ(domain["name"], "win11");
    EXPECT_EQ(domain["uuid"], "11111111-1111-4111-8111-111111111111");
    EXPECT_EQ(domain["requested"], "dedicated");
    EXPECT_EQ(domain["placement"], "dedicated");
    EXPECT_EQ(domain["vcpupin"].size(), 12U);
    EXPECT_EQ(domain["vcpupin"]["0"], "6");
    EXPECT_EQ(domain["vcpupin"]["1"], "18");
    EXPECT_EQ(domain["emulatorpin"], "0,12");
    EXPECT_EQ(domain["iothreadpin"]["1"], "0,12");
    EXPECT_EQ(domain["optimal"], true);
    for (const auto* term : {"kind", "nodes", "device", "packages", "siblings", "l3", "split",
                             "shared", "neighbours", "moves", "rank"}) {
        EXPECT_TRUE(domain["cost"][term].is_number_unsigned()) << term;
    }
    EXPECT_EQ(domain["cost"]["l3"], 1);
    EXPECT_EQ(domain["cost"]["broken"].size(), 3U);
    EXPECT_EQ(domain["reasons"][0]["code"], "fits-one-l3");
    EXPECT_FALSE(domain["reasons"][0]["text"].get<std::string>().empty());
    EXPECT_FALSE(domain.contains("definition"));
}

TEST_F(PlanCommand, TextIsAMapOfAllDomains)
{
    ASSERT_EQ(run_scenario(win11, PlanFormat::text), 0);
    const auto text = out_.str();
    for (const auto* part : {
             "host: 24 CPUs, 12 cores, 2 L3s, 1 node, 1 package; housekeeping 0,12; pool 1-5,13-17",
             "package 0\n  node 0 (64 GiB)\n",
             "L3 0 32 MiB     [h h] [. .] [. .] [. .] [. .] [. .]  CPUs 0-5,12-17\n",
             "L3 1 32 MiB     [A A] [A A] [A A] [A A] [A A] [A A]  CPUs 6-11,18-23\n",
             "A win11: dedicated, 12 vCPUs on 6-11,18-23; emulator on 0,12; I/O threads on 0,12",
         }) {
        EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
    }
}

TEST_F(PlanCommand, TellsHowGoodThePlanIsForAllTogether)
{
    constexpr auto two = R"([{"name": "a", "vcpus": 4, "policy": "dedicated"},
                             {"name": "b", "vcpus": 4, "policy": "dedicated"}])";
    ASSERT_EQ(run_scenario(two), 0);
    const auto fleet = answer()["fleet"];
    EXPECT_EQ(fleet["newcomers"], 2);
    EXPECT_EQ(fleet["optimal"], true);
    EXPECT_EQ(fleet["priorities"][0]["priority"], 0);
    EXPECT_EQ(fleet["priorities"][0]["unplaced"], 0);
    EXPECT_EQ(fleet["priorities"][0]["cost"]["l3"], 2);
    EXPECT_FALSE(fleet["priorities"][0]["cost"].contains("moves")) << "not weighty";
    EXPECT_FALSE(fleet.contains("gap"));
    out_.str("");
    ASSERT_EQ(run_scenario(two, PlanFormat::text), 0);
    EXPECT_NE(out_.str().find("\nfleet: 2 dedicated domains placed together; proven optimal\n"),
              std::string::npos)
        << out_.str();
}

TEST_F(PlanCommand, DomainThatFloatsIsOnTheMap)
{
    ASSERT_EQ(run_scenario(R"([{"name": "win11", "vcpus": 12, "policy": "dedicated"},
                               {"name": "mail", "vcpus": 2, "policy": "shared"},
                               {"name": "idle", "vcpus": 2},
                               {"name": "wiki", "vcpus": 1, "policy": "shared"}])",
                           PlanFormat::text),
              0);
    for (const auto* part : {"[. .]  CPUs 0-5,12-17  B,C float\n", "[A A]  CPUs 6-11,18-23\n",
                             "\nB mail: shared, 2 vCPUs on ", "\n  idle: left alone\n",
                             "\nC wiki: shared, 1 vCPU on "}) {
        EXPECT_NE(out_.str().find(part), std::string::npos) << part << "\n" << out_.str();
    }
}

TEST_F(PlanCommand, OfflineVcpusAndAWrongNumberOfThemAreNamed)
{
    ASSERT_EQ(run_scenario(R"([{"name": "a", "vcpus": 2, "max-vcpus": 8, "policy": "dedicated"}])",
                           PlanFormat::text),
              0);
    EXPECT_NE(out_.str().find("A a: dedicated, 2 vCPUs (6 offline) on "), std::string::npos)
        << out_.str();
    ASSERT_EQ(
        run_scenario(R"([{"name": "a", "vcpus": 2, "policy": {"name": "dedicated", "vcpus": 5}}])",
                     PlanFormat::text),
        3);
    EXPECT_NE(out_.str().find("A a: PARTLY SATISFIED (other number of vCPUs): "
                              "dedicated, 2 vCPUs on "),
              std::string::npos)
        << out_.str();
}

TEST_F(PlanCommand, SharedDomainThatLacksSomethingElseSaysSo)
{
    ASSERT_EQ(run_scenario(R"([{"name": "a", "vcpus": 2,
                                "policy": {"name": "dedicated", "cpus": "6,18"}},
                               {"name": "b", "vcpus": 2,
                                "policy": {"name": "shared", "cpus": "6,18"}}])",
                           PlanFormat::text),
              3);
    EXPECT_NE(out_.str().find("b: PARTLY SATISFIED: shared, 2 vCPUs on "), std::string::npos)
        << out_.str();
}

TEST_F(PlanCommand, ExitStatusTellsUnsatisfied)
{
    EXPECT_EQ(run_scenario(R"([{"name": "a", "vcpus": 24, "policy": "dedicated"}])"), 3);
    EXPECT_EQ(answer()["domains"][0]["satisfied"], false);
    EXPECT_EQ(run_scenario(R"([{"name": "a", "vcpus": 24, "policy": "none"}])"), 0);
}

TEST_F(PlanCommand, BadInputIsRefusedWithStatusTwo)
{
    EXPECT_EQ(run({.scenario = (folder_ / "none.json").string()}), 2);
    EXPECT_NE(err_.str().find("none.json': "), std::string::npos) << err_.str();
    EXPECT_EQ(out_.str(), "");

    EXPECT_EQ(run_scenario("[{\"name\": \"a\"}]"), 2);
    EXPECT_NE(err_.str().find("s.json:1: domains[0]: 'vcpus' is missing"), std::string::npos);

    // What only the whole can tell.
    EXPECT_EQ(run_scenario(R"([{"name": "a", "vcpus": 4, "topology": {"cores": 3}}])"), 2);
    EXPECT_NE(err_.str().find("topology"), std::string::npos) << err_.str();
    EXPECT_EQ(run_scenario(R"([{"name": "a", "vcpus": 1,
                                "uuid": "11111111-1111-4111-8111-111111111111"},
                               {"name": "b", "vcpus": 1,
                                "uuid": "11111111-1111-4111-8111-111111111111"}])"),
              2);
    EXPECT_NE(err_.str().find("11111111-1111-4111-8111-111111111111"), std::string::npos);

    EXPECT_EQ(run({.config_path = write("c.json", "{\n\"x\": 1}"), .scenario = "unused"}), 2);
    EXPECT_NE(err_.str().find("c.json:2: x: unknown key 'x'"), std::string::npos) << err_.str();
}

TEST_F(PlanCommand, FilesNamedInAScenarioAreBesideIt)
{
    const auto source = *parse_topology_source("synthetic:pack:1 [numa] core:4 pu:1");
    write("host.xml", *export_topology_xml(source, {}));
    const auto path = write("s.json", R"({"topology": {"xml": "host.xml"}, "domains": []})");
    EXPECT_EQ(run({.format = PlanFormat::json, .scenario = path}), 0) << err_.str();
    EXPECT_EQ(answer()["host"]["cpus"], "0-3");
}

TEST_F(PlanCommand, HostileNamesStayPrintable)
{
    EXPECT_EQ(
        run_scenario("[{\"name\": \"a\\u001b[2J\\nb\", \"vcpus\": 1, \"policy\": \"shared\"}]",
                     PlanFormat::text),
        0);
    EXPECT_EQ(out_.str().find('\x1b'), std::string::npos);
    EXPECT_NE(out_.str().find("a\\x1b[2J\\x0ab: shared"), std::string::npos) << out_.str();
}

constexpr auto definition = R"(<domain type='kvm'>
  <name>win11</name>
  <uuid>11111111-1111-4111-8111-111111111111</uuid>
  <memory unit='KiB'>4194304</memory>
  <!-- kept -->
  <vcpu placement='static'>4</vcpu>
  <os><type arch='x86_64'>hvm</type></os>
</domain>
)";

std::string with_policy(const std::string& attributes)
{
    std::string xml = definition;
    xml.insert(xml.find("  <os>"), "  <metadata><virtpind:policy "
                                   "xmlns:virtpind='https://virtpind.org/policy/1' " +
                                       attributes + "/></metadata>\n");
    return xml;
}

TEST_F(PlanCommand, DomainFilesCarryTheirDefinition)
{
    const auto path = write("win11.xml", definition);
    const auto config = write("c.json", R"({"domains": {"win11": "dedicated"}})");
    ASSERT_EQ(run({.topology = ryzen_,
                   .config_path = config,
                   .format = PlanFormat::json,
                   .domains = {path}}),
              0)
        << err_.str();
    const auto domain = answer()["domains"][0];
    EXPECT_EQ(domain["placement"], "dedicated");
    const auto xml = domain["definition"].get<std::string>();
    EXPECT_NE(xml.find("<!-- kept -->"), std::string::npos);
    EXPECT_NE(
        xml.find("<vcpupin vcpu='0' cpuset='" + domain["vcpupin"]["0"].get<std::string>() + "'/>"),
        std::string::npos)
        << xml;

    ASSERT_EQ(run({.topology = ryzen_, .config_path = config, .domains = {path}}), 0);
    EXPECT_NE(out_.str().find("--- " + path + "\n+++ " + path + "\n@@ -"), std::string::npos);
    EXPECT_NE(out_.str().find("\n+    <vcpupin vcpu='0' cpuset="), std::string::npos) << out_.str();
}

TEST_F(PlanCommand, HousekeepingThatLeavesNothingIsRefused)
{
    const auto path = write("win11.xml", definition);
    const auto config = write("c.json", R"({"housekeeping": "0-23"})");
    EXPECT_EQ(run({.topology = ryzen_, .config_path = config, .domains = {path}}), 2);
    EXPECT_NE(err_.str().find("housekeeping: 0-23 has all usable CPUs"), std::string::npos)
        << err_.str();
}

TEST_F(PlanCommand, HostileDefinitionsStayPrintable)
{
    std::string hostile = definition;
    hostile.replace(hostile.find(" kept "), 6, "\x1b[31m\tred");
    const auto path = write("win11.xml", hostile);
    const auto config = write("c.json", R"({"domains": {"win11": "dedicated"}})");
    ASSERT_EQ(run({.topology = ryzen_, .config_path = config, .domains = {path}}), 0) << err_.str();
    EXPECT_EQ(out_.str().find('\x1b'), std::string::npos);
    EXPECT_NE(out_.str().find("\n   <!--\\x1b[31m\tred-->\n"), std::string::npos) << out_.str();
}

TEST_F(PlanCommand, GuestsOfOtherArchitecturesAreToldNothingByCpuid)
{
    std::string arm = definition;
    arm.replace(arm.find("x86_64"), 6, "aarch64");
    const auto path = write("arm.xml", arm);
    const auto config = write(
        "c.json",
        R"({"policies": {"full": {"base": "passthrough", "smt": "prefer"}}, "default-policy": "full"})");
    ASSERT_EQ(run({.topology = ryzen_,
                   .config_path = config,
                   .format = PlanFormat::json,
                   .domains = {path}}),
              0)
        << err_.str();
    const auto xml = answer()["domains"][0]["definition"].get<std::string>();
    EXPECT_NE(xml.find("<topology"), std::string::npos) << xml;
    for (const auto* word : {"<cache", "topoext", "invtsc"}) {
        EXPECT_EQ(xml.find(word), std::string::npos) << word;
    }
    EXPECT_NE(out_.str().find("invtsc is left out: it is for x86 guests"), std::string::npos);
}

TEST_F(PlanCommand, PolicyOnTheCommandLineReplacesTheirOwn)
{
    const auto path = write("win11.xml", with_policy("name='shared' smt='isolate'"));
    PlanOptions options{.topology = ryzen_,
                        .format = PlanFormat::json,
                        .domains = {path},
                        .policy = "dedicated",
                        .policy_options = {"smt=require", "cpus=1-2,13-14"}};
    ASSERT_EQ(run(options), 0) << err_.str();
    const auto domain = answer()["domains"][0];
    EXPECT_EQ(domain["placement"], "dedicated");
    EXPECT_EQ(domain["claim"], "1-2,13-14");
    for (const auto& [option, says] : std::vector<std::pair<std::string, std::string>>{
             {"smtt=require", "smtt"}, {"smt", "smt=VALUE"}, {"smt=always", "isolate"}}) {
        options.policy_options = {option};
        EXPECT_EQ(run(options), 2) << option;
        EXPECT_NE(err_.str().find(says), std::string::npos) << err_.str();
    }
    options.policy_options = {};
    options.policy = "nosuch";
    EXPECT_EQ(run(options), 2);
    EXPECT_NE(err_.str().find("passthrough"), std::string::npos) << err_.str();
}

TEST_F(PlanCommand, NoNodeGetsACellThatIsLargerThanItsMemory)
{
    auto wide = with_policy("name='dedicated' topology='match'");
    wide.replace(wide.find(">4</vcpu>"), 9, ">13</vcpu>");
    const auto path = write("wide.xml", wide); // 4 GiB
    const auto on = [&](const std::string& node_bytes) {
        const auto source = *parse_topology_source("synthetic:pack:2 [numa(memory=" + node_bytes +
                                                   ")] core:8 pu:1");
        EXPECT_EQ(run({.topology = source, .format = PlanFormat::json, .domains = {path}}), 0)
            << err_.str();
        return answer()["domains"][0]["definition"].get<std::string>();
    };
    EXPECT_NE(on("4294967296").find("<cell "), std::string::npos);
    EXPECT_EQ(on("2147483648").find("<cell "), std::string::npos) << out_.str();
    EXPECT_NE(out_.str().find("The guest gets no NUMA cells"), std::string::npos);
}

TEST_F(PlanCommand, DomainWithoutPolicyKeepsItsDefinition)
{
    const auto path = write("win11.xml", definition);
    ASSERT_EQ(run({.topology = ryzen_, .format = PlanFormat::json, .domains = {path}}), 0);
    EXPECT_EQ(answer()["domains"][0]["definition"], definition);
    EXPECT_EQ(run({.topology = ryzen_, .domains = {write("bad.xml", "<domain>")}}), 2);
    EXPECT_NE(err_.str().find("bad.xml"), std::string::npos) << err_.str();
}

std::string pinned_by_hand()
{
    std::string xml = definition;
    const std::string before = "  <os>";
    xml.replace(xml.find("win11"), 5, "hand");
    xml.replace(xml.find("11111111"), 8, "22222222");
    xml.insert(xml.find(before), "  <cputune><vcpupin vcpu='0' cpuset='2'/><vcpupin vcpu='1' "
                                 "cpuset='14'/></cputune>\n");
    return xml;
}

TEST_F(PlanCommand, CpusOfADomainPinnedByHandAreClaimed)
{
    const auto hand = write("hand.xml", pinned_by_hand());
    const auto mine = write("mine.xml", with_policy("name='dedicated' cpus='1-4,13-16'"));
    ASSERT_EQ(run({.topology = ryzen_, .format = PlanFormat::json, .domains = {hand, mine}}), 0)
        << err_.str();
    const auto domains = answer()["domains"];
    EXPECT_EQ(domains[0]["claim"], "2,14");
    EXPECT_EQ(domains[0]["reasons"][0]["code"], "foreign-pins");
    const auto others = CpuSet::parse(domains[1]["claim"].get<std::string>());
    EXPECT_FALSE(others->intersects(*CpuSet::parse("2,14"))) << domains;
}

TEST_F(PlanCommand, ErrorInADefinitionNamesItsFile)
{
    const auto good = write("good.xml", pinned_by_hand());
    const auto bad = write("bad.xml", with_policy("name='dedicated' cpus='90'"));
    EXPECT_EQ(run({.topology = ryzen_, .domains = {good, bad}}), 2);
    EXPECT_NE(err_.str().find("bad.xml': policy.cpus: no such CPU: 90; the host has 0-23"),
              std::string::npos)
        << err_.str();
    const auto twin = write("twin.xml", definition);
    EXPECT_EQ(run({.topology = ryzen_, .domains = {write("a.xml", definition), twin}}), 2);
    EXPECT_NE(err_.str().find("twin.xml': uuid: 11111111-"), std::string::npos) << err_.str();
}

TEST_F(PlanCommand, PolicyThatCannotBeReadIsBadInput)
{
    const auto path = write("broken.xml", with_policy("name='dedicatd'"));
    EXPECT_EQ(run({.topology = ryzen_, .domains = {path}}), 2);
    EXPECT_EQ(out_.str(), "");
    EXPECT_NE(err_.str().find("broken.xml"), std::string::npos) << err_.str();
    EXPECT_NE(err_.str().find("did you mean 'dedicated'?"), std::string::npos) << err_.str();
}

} // namespace
} // namespace virtpind
