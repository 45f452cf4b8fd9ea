// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/commands/scenario_json.hpp"
#include "tests/support/reasons.hpp"

#include <gtest/gtest.h>

namespace virtpind {
namespace {

// Two nodes of four cores with two threads; a PCI device on node 1.
Result<Topology> small_host(const TopologySource& source)
{
    if (source.text == "missing") {
        return Error{.code = Errc::invalid_argument, .message = "no such host"};
    }
    auto topology = read_topology(
        {.kind = TopologySource::Kind::synthetic, .text = "pack:2 [numa] core:4 pu:2"});
    if (topology && source.text != "plain") {
        topology->devices = {{.address = "0000:01:00.0",
                              .label = "VGA",
                              .cpus = CpuSet::range(8, 15),
                              .nodes = NodeSet{NodeId{1}}}};
    }
    return topology;
}

Result<Scenario> parse(std::string_view text, const Config& config = {})
{
    return parse_scenario(
        text, "s.json", {.config = config, .topology = std::nullopt, .load_topology = small_host});
}

Scenario parsed(std::string_view text, const Config& config = {})
{
    auto scenario = parse(text, config);
    EXPECT_TRUE(scenario) << (scenario ? "" : scenario.error().message);
    return scenario ? *scenario : Scenario{};
}

// One domain with `members` beside its name and vCPU count.
std::string with_domain(const std::string& members)
{
    return "{\"topology\": {\"synthetic\": \"x\"},\n\"domains\": [{\"name\": \"a\", \"vcpus\": 4" +
           members + "}]}";
}

Intent intent(const std::string& members, const Config& config = {})
{
    const auto scenario = parsed(with_domain(members), config);
    EXPECT_EQ(scenario.intents.size(), 1U);
    return scenario.intents.empty() ? Intent{} : scenario.intents.front();
}

std::string refusal(const std::string& text)
{
    const auto scenario = parse(text);
    EXPECT_FALSE(scenario) << text;
    if (scenario) {
        return {};
    }
    EXPECT_EQ(scenario.error().code, Errc::invalid_config);
    return scenario.error().message;
}

TEST(Scenario, IsolatedCpusAreThoseOfTheHost)
{
    const auto scenario = parsed(R"({"topology": {"synthetic": "x"}, "isolated": "2-3",
                                     "domains": []})");
    EXPECT_EQ(scenario.topology->isolated.str(), "2-3");
    EXPECT_NE(refusal(R"({"topology": {"synthetic": "x"}, "isolated": "999", "domains": []})")
                  .find("isolated: no such CPU: 999"),
              std::string::npos);
}

// Which of a scenario's domains are shut off, and what of them only one can have.
TEST(Scenario, TellsWhoIsShutOff)
{
    const auto scenario = parsed(R"({"topology": {"synthetic": "x"}, "domains": [
        {"name": "off", "vcpus": 1, "running": false, "pins": {"0": "1"},
         "devices": [{"pci": "0000:01:00.0"}, {"nodes": "0"}]},
        {"name": "starts", "vcpus": 1},
        {"name": "runs", "vcpus": 1, "running": true}]})");
    ASSERT_EQ(scenario.intents.size(), 3U);
    EXPECT_TRUE(scenario.intents[0].shut_off);
    EXPECT_TRUE(scenario.intents[0].has_our_pins);
    EXPECT_EQ(scenario.intents[0].exclusive, std::vector<std::string>{"PCI device 0000:01:00.0"});
    EXPECT_FALSE(scenario.intents[1].shut_off);
    EXPECT_FALSE(scenario.intents[2].shut_off);
}

TEST(Scenario, ReadsEveryField)
{
    const auto scenario = parsed(R"({
        "topology": {"synthetic": "x"}, "usable": "0-14", "housekeeping": "0-1",
        "domains": [{"name": "win11", "uuid": "C0FFEE00-0000-4000-8000-00000000000A",
            "vcpus": 4, "max-vcpus": 8,
            "topology": {"sockets": 1, "dies": 1, "cores": 4, "threads": 2},
            "cells": [{"vcpus": "0-3", "memory-kib": 1024}, {"vcpus": "4-7"}],
            "iothreads": [1, 4], "devices": [{"pci": "0000:01:00.0"}, {"nodes": "0-1"}],
            "memory-kib": 4096, "hugepage-kib": 2048, "running": true,
            "pins": {"0": "2", "1": "3-4"}, "emulator": "0",
            "policy": {"name": "dedicated", "smt": "require", "priority": 2}}]})");
    EXPECT_EQ(scenario.usable->str(), "0-14");
    EXPECT_EQ(scenario.housekeeping->str(), "0-1");
    ASSERT_EQ(scenario.intents.size(), 1U);
    const auto& domain = scenario.intents[0];
    EXPECT_EQ(domain.name, "win11");
    EXPECT_EQ(domain.uuid.str(), "c0ffee00-0000-4000-8000-00000000000a");
    EXPECT_EQ(domain.vcpus_online.str(), "0-3");
    EXPECT_EQ(domain.vcpus_max, 8U);
    EXPECT_EQ(domain.topology, (GuestTopology{.cores = 4, .threads = 2}));
    ASSERT_EQ(domain.cells.size(), 2U);
    EXPECT_EQ(domain.cells[1], (GuestCell{.id = 1, .vcpus = VcpuSet::range(4, 7)}));
    EXPECT_EQ(domain.cells[0].memory_kib, 1024U);
    EXPECT_EQ(domain.iothreads, (std::vector<IothreadId>{IothreadId{1}, IothreadId{4}}));
    ASSERT_EQ(domain.devices.size(), 2U);
    EXPECT_EQ(domain.devices[0].label, "0000:01:00.0");
    EXPECT_EQ(domain.devices[0].nodes.str(), "1");
    EXPECT_EQ(domain.devices[1].nodes.str(), "0-1");
    EXPECT_TRUE(domain.memory_locked);
    EXPECT_EQ(domain.memory_kib, 4096U);
    EXPECT_EQ(domain.hugepage_kib, 2048U);
    EXPECT_EQ(domain.activity, Activity::running);
    EXPECT_EQ(domain.current.vcpus.at(VcpuId{1}).str(), "3-4");
    EXPECT_EQ(domain.current.emulator->str(), "0");
    EXPECT_EQ(domain.policy.placement, Placement::dedicated);
    EXPECT_EQ(domain.policy.smt, SmtChoice::require);
    EXPECT_EQ(domain.policy.priority, 2);
    EXPECT_EQ(domain.stance, Stance::managed);
}

TEST(Scenario, AbsentFieldsHaveTheirMeaning)
{
    const auto scenario = parsed(with_domain(""));
    EXPECT_FALSE(scenario.usable);
    EXPECT_FALSE(scenario.housekeeping); // automatic
    const auto& domain = scenario.intents[0];
    EXPECT_EQ(domain.uuid.str(), "00000000-0000-4000-8000-000000000001");
    EXPECT_EQ(domain.vcpus_max, 4U);
    EXPECT_FALSE(domain.topology);
    EXPECT_FALSE(domain.memory_locked);
    EXPECT_EQ(domain.activity, Activity::arriving);
    EXPECT_EQ(domain.stance, Stance::hands_off);

    EXPECT_EQ(parsed("{\"topology\": {\"xml\": \"x\"}, \"housekeeping\": \"\", \"domains\": []}")
                  .housekeeping,
              CpuSet{}); // none
}

TEST(Scenario, RunningHasThreeForms)
{
    EXPECT_EQ(intent(", \"running\": true, \"policy\": \"shared\"").activity, Activity::running);
    EXPECT_EQ(intent(", \"running\": false, \"policy\": \"shared\"").activity, Activity::dormant);
    EXPECT_EQ(intent(", \"policy\": \"shared\"").activity, Activity::arriving);
}

TEST(Scenario, PinsOfARunningDomainWithoutPolicyAreForeign)
{
    EXPECT_EQ(intent(", \"running\": true, \"pins\": {\"0\": \"3\"}").stance, Stance::foreign);
    EXPECT_EQ(intent(", \"running\": false, \"pins\": {\"0\": \"3\"}").stance, Stance::foreign);
}

TEST(Scenario, AutoCountsDevicesThatSayOnlyTheirNodes)
{
    EXPECT_EQ(intent(", \"policy\": \"auto\"").policy.placement, Placement::shared);
    EXPECT_EQ(intent(", \"policy\": \"auto\", \"devices\": [{\"nodes\": \"1\"}]").policy.placement,
              Placement::dedicated);
}

TEST(Scenario, DevicesThatSayOnlyTheirNodesAreNotMissing)
{
    const auto why = intent(", \"policy\": \"auto\", \"devices\": [{\"nodes\": \"1\"}]").why;
    ASSERT_EQ(why.size(), 1U);
    EXPECT_TRUE(
        test::says(why, ReasonCode::auto_chosen, {{"passed_through", "a device of nodes 1"}}));
}

TEST(Scenario, ConfigurationGivesPoliciesAndHousekeeping)
{
    Config config;
    ASSERT_TRUE(config.catalog.add("gaming", "passthrough", {}));
    config.default_policy = "shared";
    config.housekeeping = CpuSet::range(0, 3);
    config.domains["a"] = PolicySpec{.name = "gaming", .options = {}};
    const auto scenario = parsed(with_domain(""), config);
    EXPECT_EQ(scenario.housekeeping->str(), "0-3");
    EXPECT_EQ(scenario.intents[0].policy.name, "gaming");
    EXPECT_EQ(intent(", \"policy\": \"dedicated\"", config).policy.name, "dedicated");
}

TEST(Scenario, MemoryIsThatOfTheCellsWhereItIsNotGiven)
{
    const std::string first = "{\"vcpus\": \"0-1\", \"memory-kib\": 8}";
    const std::string second = "{\"vcpus\": \"2-3\", \"memory-kib\": 4}";
    EXPECT_EQ(intent(", \"cells\": [" + first + ", " + second + "]").memory_kib, 12U);
    EXPECT_EQ(intent(", \"memory-kib\": 20, \"cells\": [" + first + "]").memory_kib, 20U);
}

TEST(Scenario, HugepagesAreLockedMemoryWhereARunningDomainIsPinned)
{
    const std::string members = ", \"hugepage-kib\": 2048, \"pins\": {\"0\": \"8\"}";
    const auto running = intent(members + ", \"running\": true");
    EXPECT_TRUE(running.memory_locked);
    EXPECT_TRUE(running.has_memory);
    EXPECT_EQ(running.memory_nodes, NodeSet{NodeId{1}});
    const auto newcomer = intent(members);
    EXPECT_FALSE(newcomer.has_memory);
    EXPECT_TRUE(newcomer.memory_nodes.empty());
}

TEST(Scenario, CommandLineTopologyStandsAboveItsOwn)
{
    const Config config;
    std::string asked;
    const auto scenario = parse_scenario(
        "{\"topology\": {\"synthetic\": \"own\"}, \"domains\": []}", "s.json",
        {.config = config,
         .topology = TopologySource{.kind = TopologySource::Kind::xml, .text = "given"},
         .load_topology = [&asked](const TopologySource& source) {
             asked = source.text;
             return small_host(source);
         }});
    EXPECT_TRUE(scenario);
    EXPECT_EQ(asked, "given");
}

// Long: a table, one row a mistake.
TEST(Scenario, ErrorsNameLinePathAndTheWayOut)
{
    struct Case {
        std::string text;
        const char* expected;
    };

    const std::vector<Case> cases = {
        {"{}", "s.json:1: 'topology' is missing"},
        {"{\"topology\": {\"synthetic\": \"x\"}}", "s.json:1: 'domains' is missing"},
        {"{\"topology\": {}}",
         "s.json:1: topology: expected exactly one of 'synthetic', 'xml' and 'lscpu'"},
        {"{\"topology\": {\"xml\": \"a\", \"synthetic\": \"b\"}}",
         "s.json:1: topology: expected exactly one"},
        {"{\"topology\": {\"xml\": \"missing\"}, \"domains\": []}", "s.json:1: no such host"},
        {"{\"topology\": {\"xml\": \"a\"}, \"domains\": [], \"pool\": \"1\"}",
         "s.json:1: pool: unknown key 'pool'; valid: topology, usable, isolated, housekeeping, "
         "domains"},
        {"{\"topology\": {\"xml\": \"a\"},\n\"usable\": \"0-16\", \"domains\": []}",
         "s.json:2: usable: no such CPU: 16; the host has 0-15"},
        {"{\"topology\": {\"xml\": \"a\"}, \"housekeeping\": \"a\", \"domains\": []}",
         "s.json:1: housekeeping: 'a' is not a list of numbers"},
        {with_domain(", \"uuid\": \"x\""), "s.json:2: domains[0].uuid: 'x' is not a UUID"},
        {with_domain(", \"max-vcpus\": 3"), "s.json:2: domains[0]: 'max-vcpus' is less than"},
        {with_domain(", \"max-vcpus\": 16385"),
         "s.json:2: domains[0].max-vcpus: a whole number from 1 to 16384"},
        {with_domain(", \"memory-kib\": -1"),
         "s.json:2: domains[0].memory-kib: a whole number from 0"},
        {with_domain(", \"devices\": [{\"pci\": \"0000:02:00.0\"}]"),
         "s.json:2: domains[0].devices[0].pci: the host has no PCI device '0000:02:00.0'"},
        {"{\"topology\": {\"synthetic\": \"plain\"}, \"domains\": [{\"name\": \"a\", \"vcpus\": 4, "
         "\"devices\": [{\"pci\": \"0000:01:00.0\"}]}]}",
         "s.json:1: domains[0].devices[0].pci: this topology has no PCI devices; "
         "write "
         "{\"nodes\": \"0\"} instead"},
        {with_domain(", \"devices\": [{\"nodes\": \"7\"}]"),
         "s.json:2: domains[0].devices[0].nodes: no such NUMA node: 7; the host has 0-1"},
        {with_domain(", \"devices\": [{\"nodes\": \"\"}]"),
         "s.json:2: domains[0].devices[0].nodes: expected at least one node"},
        {with_domain(", \"devices\": [{}]"),
         "s.json:2: domains[0].devices[0]: expected exactly one of"},
        {with_domain(", \"pins\": {\"x\": \"1\"}"),
         "s.json:2: domains[0].pins.x: 'x' is not a vCPU number"},
        {with_domain(", \"pins\": {\"0\": \"99\"}"),
         "s.json:2: domains[0].pins.0: no such CPU: 99"},
        {with_domain(", \"pins\": {\"4\": \"1\"}"),
         "s.json:2: domains[0].pins.4: the domain has no vCPU 4; the last one is 3"},
        {with_domain(", \"iothreads\": [2,\n2]"),
         "s.json:3: domains[0].iothreads[1]: I/O thread 2 is listed twice"},
        {with_domain(", \"cells\": [{\"vcpus\": \"\"}]"),
         "s.json:2: domains[0].cells[0].vcpus: a cell needs at least one vCPU"},
        {with_domain(",\n\"cells\": [{\"vcpus\": \"0\"},\n{\"vcpus\": \"9\"}]"),
         "s.json:4: domains[0].cells[1].vcpus: vCPU 9 is beyond max-vcpus 4; the last one is 3"},
        {with_domain(",\n\"topology\": {\"cores\": 3}"),
         "s.json:3: domains[0].topology: sockets x dies"},
        {with_domain(", \"policy\": {\"name\": \"dedicated\",\n\"cpus\": \"90\"}"),
         "s.json:3: domains[0].policy.cpus: no such CPU: 90; the host has 0-15"},
        {with_domain("},\n{\"name\": \"a\", \"vcpus\": 1"),
         "s.json:3: domains[1].name: 'a' is the name of two domains"},
        {with_domain(", \"uuid\": \"11111111-1111-4111-8111-111111111111\"},\n{\"name\": \"b\", "
                     "\"vcpus\": 1, \"uuid\": \"11111111-1111-4111-8111-111111111111\""),
         "s.json:3: domains[1].uuid: 11111111-1111-4111-8111-111111111111 is the uuid of two"},
        {"{\"topology\": {\"xml\": \"a\"},\n\"housekeeping\": \"0-15\", \"domains\": []}",
         "s.json:2: housekeeping: 0-15 has all usable CPUs"},
        {with_domain(", \"iothreads\": [0]"),
         "s.json:2: domains[0].iothreads[0]: a whole number from 1"},
        {with_domain(", \"topology\": {\"core\": 1}"),
         "s.json:2: domains[0].topology.core: unknown key 'core'; did you mean 'cores'?"},
        {with_domain(", \"topology\": {\"cores\": 0}"),
         "s.json:2: domains[0].topology.cores: a whole number from 1 to"},
        {with_domain(", \"cells\": [{\"memory-kib\": 1}]"),
         "s.json:2: domains[0].cells[0]: 'vcpus' is missing"},
        {with_domain(", \"memory-kib\": 9, \"cells\": [{\"vcpus\": \"0-3\", \"memory-kib\": 8}]"),
         "s.json:2: domains[0]: 'memory-kib' is 9, but the cells have 8 in total"},
        {with_domain(", \"memory-kib\": 7, \"cells\": [{\"vcpus\": \"0-1\", \"memory-kib\": 8}]"),
         "s.json:2: domains[0]: 'memory-kib' is 7, but the cells have 8 in total"},
        {with_domain(", \"policy\": {\"name\": \"dedicated\",\n\"smt\": \"x\"}"),
         "s.json:3: domains[0].policy.smt: option 'smt': unknown value 'x'"},
        {with_domain(", \"policy\": \"dedicatd\""),
         "s.json:2: domains[0].policy: unknown policy 'dedicatd'; did you mean 'dedicated'?"},
        {with_domain(", \"policy\": {\"name\": \"shared\", \"emulator\": \"own\"}"),
         "s.json:2: domains[0].policy: option 'emulator': 'own' needs placement=dedicated"},
        {"{\"topology\": {\"xml\": \"a\"}, \"domains\": [{\"vcpus\": 1}]}",
         "s.json:1: domains[0]: 'name' is missing"},
        {"{\"topology\": {\"xml\": \"a\"}, \"domains\": [{\"name\": \"a\"}]}",
         "s.json:1: domains[0]: 'vcpus' is missing"},
        {"{\"topology\": {\"xml\": \"a\"}, \"domains\": {}}", "s.json:1: domains: a list [...]"},
    };
    for (const auto& [text, expected] : cases) {
        const auto message = refusal(text);
        EXPECT_EQ(message.rfind(expected, 0), 0U) << message << "\n" << expected;
    }
}

TEST(Scenario, ContradictionWithTheConfigurationNamesTheDomain)
{
    Config config;
    config.domains["a"] = PolicySpec{.name = "", .options = {{"smt", std::string{"isolate"}}}};
    const auto scenario = parse(with_domain(", \"policy\": \"shared\""), config);
    ASSERT_FALSE(scenario);
    EXPECT_EQ(scenario.error().message.rfind("s.json:2: domains[0]: option 'smt'", 0), 0U)
        << scenario.error().message;
}

TEST(Scenario, BytesAreBounded)
{
    const auto spaces = [](std::size_t bytes) { return std::string(bytes, ' '); };
    EXPECT_EQ(refusal(spaces(scenario_bytes_max)).find("bytes"), std::string::npos);
    EXPECT_NE(refusal(spaces(scenario_bytes_max + 1)).find(std::to_string(scenario_bytes_max)),
              std::string::npos);
}

TEST(Scenario, NumberOfDomainsIsBounded)
{
    std::string text = "{\"topology\": {\"xml\": \"a\"}, \"domains\": [{}";
    for (std::size_t i = 0; i < scenario_domains_max; ++i) {
        text += ",{}";
    }
    EXPECT_NE(refusal(text + "]}").find("more than 4096 domains"), std::string::npos);
}

} // namespace
} // namespace virtpind
