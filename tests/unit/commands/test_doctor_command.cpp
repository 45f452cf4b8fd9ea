// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/model/check_table.hpp"
#include "daemon/commands/doctor_command.hpp"
#include "tests/support/temporary_folder.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>
#include <sstream>

namespace virtpind::test {

namespace {

constexpr auto host = "synthetic:pack:1 [numa(memory=68719476736)] l3:2(size=33554432) core:4 "
                      "pu:2(indexes=2*8:8*1)";

class DoctorCommand : public testing::Test {
protected:
    void SetUp() override { ASSERT_EQ(::setenv("LC_ALL", "C", 1), 0); }

    std::string definition(const std::string& pins, const std::string& name = "win11")
    {
        std::string cputune;
        std::istringstream masks{pins};
        int vcpu = 0;
        for (std::string mask; masks >> mask; ++vcpu) {
            cputune += "<vcpupin vcpu='" + std::to_string(vcpu) + "' cpuset='" + mask + "'/>";
        }
        return folder_
            .write(name + ".xml",
                   "<domain type='kvm'><name>" + name +
                       "</name><memory unit='GiB'>4</memory><vcpu>4</vcpu><cputune>" + cputune +
                       "<emulatorpin cpuset='7,15'/></cputune><cpu mode='host-passthrough'>"
                       "<topology sockets='1' dies='1' cores='2' threads='2'/></cpu></domain>")
            .string();
    }

    int run(DoctorOptions options)
    {
        out_.str("");
        err_.str("");
        options.topology = *parse_topology_source(host);
        return run_doctor_command(options, out_, err_);
    }

    nlohmann::json answer() { return nlohmann::json::parse(out_.str()); }

    TemporaryFolder folder_;
    std::ostringstream out_;
    std::ostringstream err_;
};

TEST_F(DoctorCommand, AnswersAsDocumented)
{
    ASSERT_EQ(run({.domains = {definition("1 2 3 4")}, .json = true}), 0) << err_.str();
    const auto json = answer();
    EXPECT_EQ(json["guests"], nlohmann::json::parse(R"(["win11"])"));
    ASSERT_FALSE(json["findings"].empty());
    const auto& first = json["findings"][0];
    EXPECT_EQ(first["id"], "pin.smt-mismatch");
    EXPECT_EQ(first["severity"], "warning");
    EXPECT_EQ(first["guest"], "win11");
    EXPECT_EQ(first["fix"], "virtpinctl set win11 dedicated smt=require");
    EXPECT_EQ(first["automatic"], true);
    EXPECT_EQ(first["set-policy"],
              nlohmann::json::parse(
                  R"({"policy":"dedicated","options":{"smt":"require"},"from-next-start":false})"));
    for (const auto* key : {"evidence", "why"}) {
        EXPECT_FALSE(first[key].get<std::string>().empty()) << key;
    }
    EXPECT_EQ(json["summary"]["errors"], 0);
    EXPECT_GE(json["summary"]["warnings"], 1);
    EXPECT_TRUE(
        std::any_of(json["not-measured"].begin(), json["not-measured"].end(), [](const auto& one) {
            return one["id"] == "host.ksm" && one["guest"] == "" &&
                   one["reason"] == "the host is not this machine";
        }));
}

TEST_F(DoctorCommand, FailsOnTheLevelThatIsAskedFor)
{
    const auto warned = definition("1 2 3 4");
    EXPECT_EQ(run({.domains = {warned}, .fail_on = FailOn::warning}), 3);
    EXPECT_EQ(run({.domains = {warned}, .fail_on = FailOn::error}), 0);
    const auto broken = definition("1 9 2 99");
    EXPECT_EQ(run({.domains = {broken}, .fail_on = FailOn::error}), 3);
    EXPECT_EQ(run({.domains = {broken}, .fail_on = FailOn::never}), 0);
}

TEST_F(DoctorCommand, SaysCalmlyThatNothingIsWrong)
{
    ASSERT_EQ(run({.domains = {definition("1 9 2 10")}, .fail_on = FailOn::warning}), 0);
    EXPECT_NE(out_.str().find("[+] win11\n"), std::string::npos) << out_.str();
    EXPECT_NE(out_.str().find("\nNothing is wrong as far as it was measured; nothing was "
                              "changed.\n"),
              std::string::npos);
    EXPECT_EQ(out_.str().find('\033'), std::string::npos);
    ASSERT_EQ(::setenv("LC_ALL", "C.UTF-8", 1), 0);
    ASSERT_EQ(run({.domains = {definition("1 9 2 10")}}), 0);
    EXPECT_NE(out_.str().find("[✓] win11\n"), std::string::npos) << out_.str();
}

TEST_F(DoctorCommand, FitsEightyColumns)
{
    ASSERT_EQ(run({.domains = {definition("0 1 2 99"), definition("1 1 2-5 3", "other")}}), 3);
    std::istringstream lines{out_.str()};
    for (std::string line; std::getline(lines, line);) {
        EXPECT_LE(line.size(), 80U) << line;
    }
}

TEST_F(DoctorCommand, ColoursOnlyForATerminal)
{
    ASSERT_EQ(::setenv("TERM", "xterm", 1), 0);
    ASSERT_EQ(::unsetenv("NO_COLOR"), 0);
    run({.domains = {definition("1 2 3 4")}, .for_terminal = true});
    EXPECT_NE(out_.str().find("\033[33m!\033[0m"), std::string::npos);
    ASSERT_EQ(::setenv("NO_COLOR", "1", 1), 0);
    run({.domains = {definition("1 2 3 4")}, .for_terminal = true});
    EXPECT_EQ(out_.str().find('\033'), std::string::npos);
}

TEST_F(DoctorCommand, ExplainsEveryCheckByItsName)
{
    std::set<std::string_view> names;
    for (const auto& row : check_table()) {
        EXPECT_TRUE(names.insert(row.name).second) << row.name << " is there twice";
        ASSERT_EQ(run({.explain = std::string{row.name}}), 0) << row.name;
        EXPECT_EQ(out_.str().rfind(std::string{row.name} + " (", 0), 0U);
    }
    EXPECT_GE(names.size(), 45U);
    EXPECT_EQ(run({.explain = "pin.dub"}), 2);
    EXPECT_NE(err_.str().find("did you mean 'pin.dup'?"), std::string::npos) << err_.str();
}

TEST_F(DoctorCommand, NamesTheFileThatItCannotRead)
{
    EXPECT_EQ(run({.domains = {(folder_ / "missing.xml").string()}}), 2);
    EXPECT_NE(err_.str().find("missing.xml"), std::string::npos);
    EXPECT_TRUE(out_.str().empty());
}

TEST_F(DoctorCommand, FailsWithoutLibvirtAndSaysWhatIsPossible)
{
    EXPECT_EQ(run({.uri = "nosuch:///driver"}), 1);
    EXPECT_NE(err_.str().find("name the files of definitions, or libvirt with --uri"),
              std::string::npos)
        << err_.str();
}

// libvirt's own driver for tests.
TEST_F(DoctorCommand, ExaminesAllOfLibvirt)
{
    ASSERT_EQ(run({.uri = "test:///default", .json = true}), 0) << err_.str();
    EXPECT_EQ(answer()["guests"], nlohmann::json::parse(R"(["test"])"));
}

} // namespace

} // namespace virtpind::test
