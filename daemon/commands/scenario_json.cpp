// SPDX-License-Identifier: LGPL-2.1-or-later
#include "scenario_json.hpp"

#include "common/base/json_reader.hpp"
#include "common/model/config_json.hpp"
#include "daemon/planner/intents.hpp"
#include "daemon/planner/validate.hpp"
#include "scenario_domain.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <set>
#include <utility>

namespace virtpind {

namespace {

Result<TopologySource> read_topology_source(const JsonNode& node)
{
    TopologySource source;
    using Kind = TopologySource::Kind;
    constexpr std::array<std::pair<std::string_view, Kind>, 3> kinds{
        {{"synthetic", Kind::synthetic}, {"xml", Kind::xml}, {"lscpu", Kind::lscpu}}};
    JsonFields fields{node, {"synthetic", "xml", "lscpu"}};
    auto given = 0;
    for (const auto& [key, kind] : kinds) {
        if (fields.has(key)) {
            ++given;
            source.kind = kind;
            fields.optional(key, source.text, read_string);
        }
    }
    if (given != 1) {
        fields.fail("expected exactly one of 'synthetic', 'xml' and 'lscpu'");
    }
    if (const auto& error = fields.error()) {
        return *error;
    }
    return source;
}

Result<Intent> decide_intent(const JsonNode& node, ScenarioDomain domain, const Config& config,
                             const Topology& topology)
{
    const std::vector<ObservedDomain> domains{std::move(domain.seen)};
    auto decision = std::move(decide_intents({.config = config,
                                              .topology = topology,
                                              .domains = domains,
                                              .histories = {},
                                              .look = IntentInput::Look::first})
                                  .front());
    if (decision.unreadable) {
        return node.error(decision.unreadable->message);
    }
    auto intent = std::move(decision.intent);
    intent.activity = domain.activity;
    intent.has_memory = domain.activity == Activity::running;
    if (!intent.has_memory) {
        intent.memory_nodes = {};
    }
    const auto pinned = intent.current.vcpus.size() >= intent.vcpus_online.size();
    intent.has_our_pins = domain.activity == Activity::dormant && pinned;
    std::erase_if(intent.exclusive, [&domain](const std::string& name) {
        return std::any_of(
            domain.devices.begin(), domain.devices.end(), [&name](const auto& device) {
                return !device.nodes.empty() && name.find(device.label) != std::string::npos;
            });
    });
    // Those that say only their nodes have no address to be found by; the others were found.
    std::erase_if(intent.why,
                  [](const Reason& reason) { return reason.code == ReasonCode::device_unknown; });
    for (std::size_t i = 0; i < domain.devices.size(); ++i) {
        if (!domain.devices[i].nodes.empty()) {
            intent.devices[i].nodes = domain.devices[i].nodes;
        }
    }
    if (const auto wrong = find_fault(topology, intent, Names::of_this_host)) {
        return node.error_at(wrong->field, wrong->what);
    }
    return intent;
}

// What distinguishes a domain from those before it.
struct Known {
    std::set<DomainUuid> uuids;
    std::set<std::string> names;
};

Result<void> check_distinct(const JsonNode& node, const DomainFacts& facts, Known& known)
{
    if (!known.names.insert(facts.name).second) {
        return node.error_at("name", in_quotes(facts.name) +
                                         " is the name of two domains; each needs its own");
    }
    if (!known.uuids.insert(facts.uuid).second) {
        return node.error_at("uuid",
                             facts.uuid.str() + " is the uuid of two domains; each needs its own");
    }
    return {};
}

Result<std::vector<Intent>> read_domains(const JsonNode& node, const Config& config,
                                         const Topology& topology)
{
    const auto items = node.as_array();
    if (!items) {
        return items.error();
    }
    if (items->size() > scenario_domains_max) {
        return node.error("more than " + std::to_string(scenario_domains_max) + " domains");
    }
    std::vector<Intent> intents;
    Known known;
    for (const auto& item : *items) {
        auto domain = read_scenario_domain(item, topology, config.catalog);
        if (!domain) {
            return std::move(domain).error();
        }
        if (domain->seen.facts.uuid.str().empty()) {
            domain->seen.facts.uuid = made_up_uuid(intents.size());
        }
        if (auto distinct = check_distinct(item, domain->seen.facts, known); !distinct) {
            return std::move(distinct).error();
        }
        auto intent = decide_intent(item, std::move(*domain), config, topology);
        if (!intent) {
            return std::move(intent).error();
        }
        intents.push_back(std::move(*intent));
    }
    return intents;
}

} // namespace

DomainUuid made_up_uuid(std::size_t position)
{
    std::array<char, 37> text{};
    std::snprintf(text.data(), text.size(), "00000000-0000-4000-8000-%012zx", position + 1);
    return DomainUuid{text.data()};
}

std::optional<std::string> find_housekeeping_fault(const CpuSet& cpus, const CpuSet& usable)
{
    return !usable.empty() && cpus.includes(usable)
               ? std::optional{cpus.str() +
                               " has all usable CPUs and leaves none to domains; name fewer"}
               : std::nullopt;
}

Result<Scenario> parse_scenario(std::string_view text, std::string_view source,
                                const ScenarioContext& context)
{
    const auto document =
        parse_json(text, source, {.bytes_max = scenario_bytes_max, .depth_max = json_depth_max});
    if (!document) {
        return document.error();
    }
    JsonFields fields{document->root(),
                      {"topology", "usable", "isolated", "housekeeping", "domains"}};
    auto where = context.topology;
    if (!where) {
        where.emplace();
        fields.required("topology", *where, read_topology_source);
    }
    if (const auto& error = fields.error()) {
        return *error;
    }
    auto topology = context.load_topology(*where);
    if (!topology) {
        return document->root().error(topology.error().message);
    }
    Scenario scenario;
    // Instead of what the topology tells.
    fields.optional("isolated", topology->isolated, [&host = *topology](const JsonNode& node) {
        return read_host_cpus(node, host);
    });
    scenario.topology = std::make_shared<const Topology>(std::move(*topology));
    const auto& host = *scenario.topology;
    fields.optional("usable", scenario.usable,
                    [&host](const JsonNode& node) { return read_host_cpus(node, host); });
    scenario.housekeeping = context.config.housekeeping;
    const auto usable =
        scenario.usable ? host.usable_cpus() & *scenario.usable : host.usable_cpus();
    fields.optional("housekeeping", scenario.housekeeping,
                    [&host, &usable](const JsonNode& node) -> Result<CpuSet> {
                        auto cpus = read_host_cpus(node, host);
                        const auto wrong =
                            cpus ? find_housekeeping_fault(*cpus, usable) : std::nullopt;
                        return wrong ? node.error(*wrong) : std::move(cpus);
                    });
    fields.required("domains", scenario.intents,
                    [&](const JsonNode& node) { return read_domains(node, context.config, host); });
    if (const auto& error = fields.error()) {
        return *error;
    }
    return scenario;
}

} // namespace virtpind
