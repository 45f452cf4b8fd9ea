// SPDX-License-Identifier: LGPL-2.1-or-later
#include "facts_json.hpp"

#include "common/model/policy_options.hpp"
#include "guest_state.hpp"

#include <nlohmann/json.hpp>

namespace virtpind::client {

namespace {

using Json = nlohmann::json;

Json remark_json(const Remark& remark)
{
    return {{"code", remark.code}, {"text", remark.text}};
}

Json pins_json(const std::map<std::uint32_t, CpuSet>& pins)
{
    auto json = Json::object();
    for (const auto& [id, cpus] : pins) {
        json[std::to_string(id)] = cpus.str();
    }
    return json;
}

Json guest_json(const Guest& guest)
{
    Json json{{"uuid", guest.uuid},
              {"name", guest.name},
              {"run-state", guest.run_state},
              {"policy", guest.policy},
              {"policy-source", guest.policy_source},
              {"options", guest.options},
              {"pin-state", guest.pin_state},
              {"state", state_of(guest).word},
              {"as-asked", is_as_asked(guest)},
              {"placement", guest.placement},
              {"isolated", guest.isolated.str()},
              {"vcpus", pins_json(guest.vcpus)},
              {"emulator", guest.emulator.str()},
              {"iothreads", pins_json(guest.iothreads)},
              {"nodes", guest.nodes},
              {"generation", guest.generation},
              {"last-applied-usec", guest.last_applied_usec}};
    if (!guest.shortfall.empty()) {
        json["shortfall"] = remark_json(guest.shortfall);
    }
    if (!guest.last_error.empty()) {
        json["error"] = remark_json(guest.last_error);
    }
    if (!guest.displaced.empty()) {
        json["displaced"] = guest.displaced;
    }
    if (!guest.displaced_by.empty()) {
        json["displaced-by"] = guest.displaced_by;
    }
    for (const auto& hold : guest.holds) {
        json["holds"].push_back({{"owner", hold.owner}, {"reason", hold.reason}});
    }
    return json;
}

Json list_json(const std::vector<Guest>& guests)
{
    auto json = Json::array();
    for (const auto& guest : guests) {
        json.push_back(guest_json(guest));
    }
    return json;
}

} // namespace

std::string snapshot_json(const Snapshot& snapshot)
{
    const auto& service = snapshot.service;
    auto problems = Json::array();
    for (const auto& problem : service.problems) {
        auto& json = problems.emplace_back(remark_json(problem.what));
        if (!problem.guest.empty()) {
            json["guest"] = problem.guest;
        }
    }
    return Json{{"version", service.version},
                {"state", service.state},
                {"libvirt-uri", service.libvirt_uri},
                {"online", service.online.str()},
                {"housekeeping", service.housekeeping.str()},
                {"pool", service.pool.str()},
                {"isolated", service.isolated.str()},
                {"default-policy", service.default_policy},
                {"policies", service.policies},
                {"problems", std::move(problems)},
                {"guests", list_json(snapshot.guests)}}
        .dump();
}

std::string guests_json(const std::vector<Guest>& guests)
{
    return list_json(guests).dump();
}

std::string policies_json(const Service& service)
{
    auto options = Json::array();
    for (const auto& option : option_table()) {
        options.push_back({{"name", option.name},
                           {"values", option.values},
                           {"free-form", option.free_form},
                           {"default", option.default_text},
                           {"meaning", option.meaning}});
    }
    return Json{{"policies", service.policies},
                {"default-policy", service.default_policy},
                {"options", std::move(options)}}
        .dump();
}

} // namespace virtpind::client
