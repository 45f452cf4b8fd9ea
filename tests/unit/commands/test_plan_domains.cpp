// SPDX-License-Identifier: LGPL-2.1-or-later
// Who is asked for: domains of libvirt by name, and what was given in the place of something else.
#include "daemon/commands/plan_command.hpp"
#include "daemon/topology/topology_export.hpp"
#include "tests/support/cpu_sets.hpp"
#include "tests/support/temporary_folder.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <sstream>

namespace virtpind {
namespace {

constexpr auto web_uuid = "11111111-1111-4111-8111-111111111111";
constexpr auto db_uuid = "22222222-2222-4222-8222-222222222222";

// A guest of two vCPUs; `inside` goes into its definition.
std::string guest(const std::string& name, const std::string& uuid, const std::string& inside)
{
    return "<domain type='test'><name>" + name + "</name><uuid>" + uuid +
           "</uuid><memory unit='KiB'>1048576</memory><vcpu placement='static'>2</vcpu>" + inside +
           "<os><type arch='x86_64'>hvm</type></os></domain>";
}

constexpr auto pinned = "<cputune><vcpupin vcpu='0' cpuset='6'/><vcpupin vcpu='1' cpuset='18'/>"
                        "</cputune>";
constexpr auto shut_off = "<test:runstate xmlns:test='http://libvirt.org/schemas/domain/test/1.0'>5"
                          "</test:runstate>";

class PlanDomains : public testing::Test {
protected:
    // libvirt's test driver with `web`, shut off, and `db`, which runs pinned by hand.
    std::string two_guests()
    {
        const auto host = folder_.write("host.xml", "<node>" + guest("web", web_uuid, shut_off) +
                                                        guest("db", db_uuid, pinned) + "</node>");
        return "test://" + host.string();
    }

    PlanOptions options(std::vector<std::string> domains)
    {
        return {.topology = *parse_topology_source(
                    "synthetic:pack:1 [numa(memory=68719476736)] l3:2 core:6 "
                    "pu:2(indexes=2*12:12*1)"),
                .format = PlanFormat::json,
                .domains = std::move(domains),
                .policy = "dedicated",
                .uri = two_guests()};
    }

    int run(const PlanOptions& options)
    {
        out_.str("");
        err_.str("");
        return run_plan_command(options, out_, err_);
    }

    void expect_refused(const PlanOptions& options, const std::vector<std::string>& says)
    {
        EXPECT_EQ(run(options), 2);
        EXPECT_EQ(out_.str(), "");
        for (const auto& part : says) {
            EXPECT_NE(err_.str().find(part), std::string::npos) << part << "\n" << err_.str();
        }
    }

    nlohmann::json answer() { return nlohmann::json::parse(out_.str()); }

    test::TemporaryFolder folder_;
    std::ostringstream out_;
    std::ostringstream err_;
};

TEST_F(PlanDomains, OfLibvirtAreNamedAndThoseThatRunAreInTheWay)
{
    for (const auto* name : {"web", web_uuid}) {
        auto asked = options({name});
        asked.policy_options = {"cpus=5-6,17-18"};
        ASSERT_EQ(run(asked), 0) << err_.str();
        const auto domains = answer()["domains"];
        ASSERT_EQ(domains.size(), 2U);
        EXPECT_EQ(domains[0]["name"], "db");
        EXPECT_EQ(domains[0]["beside"], true);
        EXPECT_EQ(domains[0]["claim"], "6,18");
        EXPECT_EQ(domains[1]["name"], "web");
        EXPECT_FALSE(domains[1].contains("beside"));
        EXPECT_EQ(domains[1]["claim"], "5,17");
        const auto xml = domains[1]["definition"].get<std::string>();
        EXPECT_NE(xml.find("<vcpupin vcpu='0' cpuset='5'/>"), std::string::npos) << xml;
    }
}

TEST_F(PlanDomains, TextSaysWhoIsPlannedAlong)
{
    auto asked = options({"web"});
    asked.format = PlanFormat::text;
    ASSERT_EQ(run(asked), 0) << err_.str();
    EXPECT_NE(out_.str().find("\n1 other running domain of libvirt (" + asked.uri +
                              ") is planned along: db\n"),
              std::string::npos)
        << out_.str();
    EXPECT_NE(out_.str().find("\n--- web\n+++ web\n"), std::string::npos) << out_.str();
}

TEST_F(PlanDomains, WhatOthersLackIsNotTheAnswer)
{
    auto asked = options({"web"});
    asked.config_path = folder_
                            .write("c.json", R"({"domains": {"db": {"policy": "dedicated",
        "cpus": "0", "smt": "isolate"}}})")
                            .string();
    ASSERT_EQ(run(asked), 0) << err_.str() << out_.str();
    EXPECT_EQ(answer()["domains"][0]["satisfied"], false);
}

TEST_F(PlanDomains, RunningOneThatIsAskedForIsThereOnce)
{
    ASSERT_EQ(run(options({"db"})), 0) << err_.str();
    ASSERT_EQ(answer()["domains"].size(), 1U);
    EXPECT_EQ(answer()["domains"][0]["name"], "db");

    // A file in its place, as it may be after an edit.
    const auto file = folder_.write("db.xml", guest("db", db_uuid, "")).string();
    ASSERT_EQ(run(options({"web", file})), 0) << err_.str();
    EXPECT_EQ(answer()["domains"].size(), 2U);
    EXPECT_EQ(answer()["domains"][1]["name"], "db");

    expect_refused(options({"db", db_uuid}), {"'db': uuid: ", "each domain needs its own"});
}

TEST_F(PlanDomains, FilesDoNotAskLibvirt)
{
    auto asked = options({folder_.write("db.xml", guest("db", db_uuid, "")).string()});
    asked.uri = "nosuch:///driver";
    EXPECT_EQ(run(asked), 0) << err_.str();
}

TEST_F(PlanDomains, NeitherFileNorDomainIsToldWithWhatIsNear)
{
    auto asked = options({"wep"});
    expect_refused(asked, {"'wep' is neither a file nor a domain of libvirt (" + asked.uri + ")",
                           "did you mean 'web'?", "list --all"});
    asked = options({"./wep"});
    expect_refused(asked, {"'./wep'", "No such file"});
}

TEST_F(PlanDomains, LibvirtThatCannotBeAskedIsNamedWithTheArgument)
{
    auto asked = options({"web"});
    asked.uri = "nosuch:///driver";
    expect_refused(asked,
                   {"'web' is no file, and libvirt cannot be asked", "nosuch:///driver", "--uri"});
}

TEST_F(PlanDomains, WrongOptionIsNotBlamedOnTheFile)
{
    const auto file = folder_.write("db.xml", guest("db", db_uuid, "")).string();
    auto asked = options({file});
    asked.policy_options = {"cpus=90"};
    expect_refused(asked, {"read --option: cpus: no such CPU: 90; the host has 0-23"});
    EXPECT_EQ(err_.str().find("db.xml"), std::string::npos) << err_.str();

    asked.policy_options = {"emulator=91"};
    expect_refused(asked, {"read --option: emulator: no such CPU: 91"});

    // Not what is given there, but what its policy says.
    asked.policy_options = {};
    asked.policy = "far";
    asked.config_path =
        folder_.write("c.json", R"({"policies": {"far": {"base": "dedicated", "cpus": "90"}}})")
            .string();
    expect_refused(asked, {"read --policy: cpus: no such CPU: 90"});
}

TEST_F(PlanDomains, WhatIsGivenInThePlaceOfSomethingElseIsToldWhereItGoes)
{
    const auto scenario = folder_.write("s.json", "\n{\"domains\": []}").string();
    expect_refused(options({scenario}), {"s.json': this is JSON", "--scenario FILE"});
    const auto host =
        folder_
            .write("lstopo.xml",
                   *export_topology_xml(*parse_topology_source("synthetic:core:2 pu:1"), {}))
            .string();
    expect_refused(options({host}),
                   {"lstopo.xml': this is a host's topology", "--topology xml:FILE"});

    PlanOptions asked{.scenario = folder_.write("db.xml", guest("db", db_uuid, "")).string()};
    expect_refused(asked, {"db.xml': this is the XML of a domain", "without --scenario"});
    asked.scenario = host;
    expect_refused(asked, {"lstopo.xml': this is a host's topology", "--topology xml:FILE"});
}

TEST_F(PlanDomains, TableOfLscpuIsAHostAlsoBesideAScenario)
{
    const auto table =
        folder_.write("host.txt", "CPU CORE SOCKET NODE\n0 0 0 0\n1 1 0 0\n2 0 0 0\n3 1 0 0\n");
    auto asked = options({folder_.write("db.xml", guest("db", db_uuid, "")).string()});
    asked.topology = *parse_topology_source("lscpu:" + table.string());
    ASSERT_EQ(run(asked), 0) << err_.str();
    EXPECT_EQ(answer()["host"]["cpus"], "0-3");
    EXPECT_FALSE(answer()["host"]["warnings"].empty());

    PlanOptions scenario{.format = PlanFormat::json};
    scenario.scenario =
        folder_.write("s.json", R"({"topology": {"lscpu": "host.txt"}, "domains": []})").string();
    ASSERT_EQ(run(scenario), 0) << err_.str();
    EXPECT_EQ(answer()["host"]["cpus"], "0-3");
}

} // namespace
} // namespace virtpind
