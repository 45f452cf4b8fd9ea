// SPDX-License-Identifier: LGPL-2.1-or-later
#include "state_json.hpp"

#include "bus_views.hpp"
#include "common/base/printable.hpp"
#include "daemon/render/layout_json.hpp"
#include "daemon/render/plan_json.hpp"

#include <nlohmann/json.hpp>

#include <variant>

namespace virtpind {

namespace {

// Bytes that are not UTF-8 are replaced, not thrown about.
std::string text_of(const Json& json)
{
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json options_json(const OptionMap& options)
{
    auto json = Json::object();
    for (const auto& [name, value] : options) {
        json[name] = std::visit([](const auto& held) { return Json(held); }, value);
    }
    return json;
}

Json spec_json(const PolicySpec& spec)
{
    return {{"policy", spec.name}, {"options", options_json(spec.options)}};
}

// What was set for this domain itself, which MERGE changes: in its metadata, and for this run of
// the daemon.
void add_own_layers(Json& json, const DomainRecord& record)
{
    const auto& stored = record.seen.facts.metadata.content;
    if (stored && *stored) {
        json["stored"] = spec_json(**stored);
    }
    if (record.runtime_policy) {
        json["runtime-only"] = spec_json(*record.runtime_policy);
        if (record.lent) {
            json["runtime-only"]["ends-with"] = record.lent->owner;
        }
    }
}

std::string_view stance_word(Stance stance)
{
    switch (stance) {
    case Stance::managed:
        return "managed";
    case Stance::hands_off:
        return "hands-off";
    case Stance::foreign:
        return "foreign";
    case Stance::held:
        return "held";
    case Stance::broken:
        return "broken";
    }
    return "broken";
}

Json pins_json(const PinSet& pins)
{
    auto vcpus = Json::object();
    for (const auto& [vcpu, cpus] : pins.vcpus) {
        vcpus[std::to_string(raw(vcpu))] = cpus.str();
    }
    auto iothreads = Json::object();
    for (const auto& [id, cpus] : pins.iothreads) {
        iothreads[std::to_string(raw(id))] = cpus.str();
    }
    Json json{{"vcpupin", std::move(vcpus)}, {"iothreadpin", std::move(iothreads)}};
    if (pins.emulator) {
        json["emulatorpin"] = pins.emulator->str();
    }
    if (pins.vcpu_cpuset) {
        json["cpuset"] = pins.vcpu_cpuset->str();
    }
    if (pins.numatune) {
        json["numatune"] = {{"mode", to_string(pins.numatune->mode)},
                            {"nodeset", pins.numatune->nodes.str()}};
    }
    return json;
}

Json history_json(const DomainRecord& record)
{
    auto json = Json::array();
    for (const auto& entry : record.history) {
        json.push_back({{"pass", entry.pass},
                        {"realtime-usec", entry.realtime_usec},
                        {"what", printable(entry.what, 4096)}});
    }
    return json;
}

Json domain_json(const DomainRecord& record, const Plan& plan, const Topology* topology)
{
    const auto view = make_domain_view(record, topology, plan);
    Json json{{"name", view.name},
              {"uuid", view.uuid.str()},
              {"run-state", view.run_state},
              {"stance", stance_word(record.decision.stance)},
              {"policy", view.policy},
              {"policy-source", view.policy_source},
              {"policy-options", options_json(view.policy_options)},
              {"generation", view.generation},
              {"pin-state", to_string(view.pin_state)},
              {"satisfied", view.satisfied},
              {"placement", view.placement}};
    if (!view.satisfied) {
        json["shortfall"] = {{"code", view.shortfall.first}, {"text", view.shortfall.second}};
    }
    add_own_layers(json, record);
    if (record.plan) {
        json["plan"] = domain_plan_to_json(*record.plan);
    }
    if (record.seen.running) {
        json["live"] = pins_json(record.seen.running->pins);
    }
    if (record.seen.definition) {
        json["definition"] = pins_json(record.seen.definition->pins);
    }
    if (record.before) {
        auto& before = json["before"] = Json::object();
        if (record.before->live) {
            before["live"] = pins_json(*record.before->live);
        }
        if (record.before->config) {
            before["definition"] = pins_json(*record.before->config);
        }
    }
    for (const auto& [cookie, hold] : record.holds) {
        json["holds"].push_back({{"reason", hold.reason}, {"owner", hold.owner}});
    }
    if (!view.displaced.empty()) {
        json["displaced"] = view.displaced;
    }
    if (!view.displaced_by.empty()) {
        json["displaced-by"] = view.displaced_by;
    }
    if (record.error) {
        json["error"] = {{"name", view.last_error.first}, {"text", view.last_error.second}};
    }
    json["last-applied-usec"] = view.last_applied_usec;
    json["history"] = history_json(record);
    return json;
}

} // namespace

std::string report_trial(Json report, const DomainUuid& uuid, const std::string& definition_diff,
                         DefinitionScope scope)
{
    for (auto& domain : report["domains"]) {
        if (domain["uuid"] == uuid.str()) {
            domain["definition-diff"] = definition_diff;
            domain["definition-diff-of"] =
                scope == DefinitionScope::whole ? "definition" : "own-elements";
        }
    }
    return text_of(report);
}

Json mark_displaced(Json report, const DomainUuid& uuid, const std::vector<std::string>& names)
{
    for (auto& domain : report["domains"]) {
        if (domain["uuid"] == uuid.str() && !names.empty()) {
            domain["displaced"] = names;
        }
    }
    return report;
}

Json mark_guest(Json report, const DomainUuid& uuid, bool replaces)
{
    for (auto& domain : report["domains"]) {
        if (domain["uuid"] == uuid.str()) {
            domain["newcomer"] = true;
            domain["replaces"] = replaces;
        }
    }
    return report;
}

std::string report_domain(const DomainRecord& record, const Plan& plan, const Topology* topology)
{
    return text_of(domain_json(record, plan, topology));
}

std::string report_layout(const Topology& topology)
{
    return text_of(layout_to_json(topology));
}

std::string report_state(const ManagerView& manager, const Records& records, const Plan& plan,
                         const Topology* topology, std::uint64_t passes, const std::string& layout)
{
    auto problems = Json::array();
    for (const auto& [code, text, domain] : manager.problems) {
        auto& problem =
            problems.emplace_back(Json{{"code", code}, {"text", printable(text, 4096)}});
        if (domain) {
            problem["domain"] = domain->str();
        }
    }
    auto domains = Json::array();
    for (const auto& [uuid, record] : records) {
        domains.push_back(domain_json(record, plan, topology));
    }
    const auto quiet = [topology](CpuSet Topology::*cpus) {
        return topology != nullptr ? (topology->*cpus).str() : std::string{};
    };
    auto text = text_of({{"schema", 1},
                         {"version", manager.version},
                         {"state", manager.state},
                         {"libvirt-uri", manager.libvirt_uri},
                         {"online", manager.online_cpus.str()},
                         {"usable", plan.usable.str()},
                         {"housekeeping", manager.housekeeping_cpus.str()},
                         {"housekeeping-yielded", plan.yielded.str()},
                         {"pool", manager.pool_cpus.str()},
                         {"isolated", quiet(&Topology::isolated)},
                         {"isolated-for-guests", manager.isolated_cpus.str()},
                         {"nohz-full", quiet(&Topology::nohz_full)},
                         {"topology-generation", manager.topology_generation},
                         {"topology-warnings",
                          topology != nullptr ? topology->warnings : std::vector<std::string>{}},
                         {"default-policy", manager.default_policy},
                         {"policies", manager.policies},
                         {"passes", passes},
                         {"fleet", fleet_to_json(plan.fleet)},
                         {"problems", std::move(problems)},
                         {"domains", std::move(domains)}});
    if (!layout.empty()) {
        text.replace(text.size() - 1, 1, ",\"layout\":" + layout + "}"); // the last bracket
    }
    return text;
}

} // namespace virtpind
