// SPDX-License-Identifier: LGPL-2.1-or-later
#include "plan_json.hpp"

#include "common/base/printable.hpp"
#include "common/model/policy.hpp"
#include "reason_text.hpp"

#include <algorithm>

namespace virtpind {

namespace {

// Sets keyed by a number as an object of strings, {"0": "6,18"}.
template <class Map>
Json sets_to_json(const Map& sets)
{
    auto object = Json::object();
    for (const auto& [id, set] : sets) {
        if constexpr (std::is_enum_v<typename Map::key_type>) {
            object[std::to_string(raw(id))] = set.str();
        } else {
            object[std::to_string(id)] = set.str();
        }
    }
    return object;
}

Json numatune_to_json(const NumaTune& numatune)
{
    Json object{{"mode", to_string(numatune.mode)}, {"nodeset", numatune.nodes.str()}};
    if (!numatune.cells.empty()) {
        object["cells"] = sets_to_json(numatune.cells);
    }
    return object;
}

// Whether the term is one of a list: another row has its name, too.
bool in_list(std::size_t row)
{
    return std::count_if(cost_term_table.begin(), cost_term_table.end(),
                         [row](const CostTermInfo& other) {
                             return other.name == cost_term_table[row].name;
                         }) > 1;
}

// The terms of the first `rows` of the table.
Json terms_to_json(const Cost& cost, std::size_t rows)
{
    auto json = Json::object();
    Json rare = Json::object(); // terms of few hosts
    for (std::size_t i = 0; i < rows; ++i) {
        const auto& row = cost_term_table.at(i);
        const std::string name{row.name};
        if (row.shown == CostTermInfo::Shown::nonzero) {
            if (cost[row.term] != 0) {
                rare[name] = cost[row.term];
            }
        } else if (in_list(i)) {
            json[name].push_back(cost[row.term]);
        } else {
            json[name] = cost[row.term];
        }
    }
    json.update(rare);
    return json;
}

Json gap_to_json(const FleetGap& gap)
{
    return {{"priority", gap.priority},
            {"term", gap.term ? cost_term_table.at(static_cast<std::size_t>(*gap.term)).name
                              : std::string_view{"unplaced"}},
            {"cost", gap.cost},
            {"bound", gap.bound}};
}

} // namespace

Json host_to_json(const Plan& plan, const Topology& topology)
{
    Json host{{"cpus", topology.all_cpus().str()},
              {"usable", plan.usable.str()},
              {"housekeeping", plan.housekeeping.str()},
              {"pool", plan.pool.str()}};
    const auto add = [&host](const char* name, const CpuSet& cpus) {
        if (!cpus.empty()) {
            host[name] = cpus.str();
        }
    };
    add("housekeeping-yielded", plan.yielded);
    add("isolated", topology.isolated);
    add("nohz-full", topology.nohz_full);
    if (!topology.warnings.empty()) {
        host["warnings"] = topology.warnings;
    }
    return host;
}

Json cost_to_json(const Cost& cost)
{
    return terms_to_json(cost, cost_term_count);
}

Json fleet_to_json(const FleetReport& fleet)
{
    const auto level_to_json = [](const FleetCost::Level& level) {
        return Json{{"unplaced", level.unplaced},
                    {"cost", terms_to_json(level.cost, fleet_term_count)}};
    };
    auto priorities = Json::array();
    for (std::size_t i = 0; i < fleet.cost.levels().size(); ++i) {
        const auto& level = fleet.cost.levels()[i];
        auto& json = priorities.emplace_back(Json{{"priority", level.priority}});
        json.update(level_to_json(level));
        if (!fleet.optimal()) {
            json["bound"] = level_to_json(fleet.bound.levels().at(i));
        }
    }
    Json json{{"newcomers", fleet.newcomers},
              {"optimal", fleet.optimal()},
              {"priorities", std::move(priorities)}};
    if (const auto gap = gap_of(fleet)) {
        json["gap"] = gap_to_json(*gap);
    }
    return json;
}

Json reasons_to_json(const Reasons& reasons, bool satisfied)
{
    auto list = Json::array();
    for (const auto& reason : reasons) {
        list.push_back({{"code", to_string(reason.code)},
                        {"level", level_word(reason, satisfied)},
                        {"text", reason_text(reason)}});
    }
    return list;
}

Json domain_plan_to_json(const DomainPlan& plan)
{
    Json object{{"name", printable(plan.name)},
                {"uuid", plan.uuid.str()},
                {"requested", to_string(plan.requested)},
                {"placement", to_string(plan.placement)},
                {"satisfied", plan.satisfied},
                {"vcpupin", sets_to_json(plan.at_start.value_or(plan.vcpus))},
                {"emulatorpin", plan.emulator.str()}};
    if (plan.awaits) {
        object["awaits"] = true;
    }
    if (!plan.floating.empty()) {
        object["floating"] = plan.floating.str();
    }
    if (!plan.plug.empty()) {
        object["plug"] = plan.plug.str();
    }
    if (!plan.unplug.empty()) {
        object["unplug"] = plan.unplug.str();
    }
    if (plan.start_emulator) {
        object["start-emulatorpin"] = plan.start_emulator->str();
    }
    object["iothreadpin"] = sets_to_json(plan.iothreads);
    if (plan.numatune) {
        object["numatune"] = numatune_to_json(*plan.numatune);
    }
    object["claim"] = plan.claim.str();
    if (plan.housekeeping) {
        object["housekeeping"] = plan.housekeeping->str();
    }
    object["optimal"] = plan.optimal;
    object["cost"] = cost_to_json(plan.cost);
    object["reasons"] = reasons_to_json(plan.reasons, plan.satisfied);
    return object;
}

Json plan_to_json(const Plan& plan, const Topology& topology)
{
    auto domains = Json::array();
    for (const auto& domain : plan.domains) {
        domains.push_back(domain_plan_to_json(domain));
    }
    return {{"host", host_to_json(plan, topology)},
            {"fleet", fleet_to_json(plan.fleet)},
            {"domains", std::move(domains)}};
}

} // namespace virtpind
