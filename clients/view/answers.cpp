// SPDX-License-Identifier: LGPL-2.1-or-later
#include "answers.hpp"

#include "common/base/printable.hpp"
#include "json_members.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>

namespace virtpind::client {

namespace {

// {"0": "6,18"}.
std::map<std::uint32_t, CpuSet> pins_in(const Json& json, const char* key)
{
    std::map<std::uint32_t, CpuSet> pins;
    const auto* found = member(json, key);
    if (found == nullptr || !found->is_object()) {
        return pins;
    }
    for (const auto& [id, cpus] : found->items()) {
        std::uint32_t number = 0;
        const auto parsed = std::from_chars(id.data(), id.data() + id.size(), number);
        if (parsed.ec == std::errc{} && parsed.ptr == id.data() + id.size()) {
            pins[number] = cpus_of(cpus);
        }
    }
    return pins;
}

std::vector<Reason> reasons_in(const Json& json)
{
    std::vector<Reason> reasons;
    for (const auto& reason : list_in(json, "reasons")) {
        reasons.push_back(
            {text_in(reason, "code"), text_in(reason, "text"), text_in(reason, "level")});
    }
    return reasons;
}

PlannedGuest planned_guest(const Json& json)
{
    PlannedGuest guest{.uuid = text_in(json, "uuid"),
                       .name = text_in(json, "name"),
                       .requested = text_in(json, "requested"),
                       .placement = text_in(json, "placement"),
                       .satisfied = flag_in(json, "satisfied", true),
                       .vcpus = pins_in(json, "vcpupin"),
                       .emulator = cpus_in(json, "emulatorpin"),
                       .reasons = reasons_in(json)};
    if (const auto* diff = member(json, "definition-diff"); diff != nullptr && diff->is_string()) {
        guest.definition_diff = printable_lines(diff->get_ref<const std::string&>());
    }
    guest.is_newcomer = flag_in(json, "newcomer", false);
    guest.only_own_elements = text_in(json, "definition-diff-of") == "own-elements";
    return guest;
}

StoredPolicy stored_policy(const Json& json)
{
    StoredPolicy stored{.policy = text_in(json, "policy"), .options = {}};
    if (const auto* options = member(json, "options"); options != nullptr && options->is_object()) {
        for (const auto& [name, value] : options->items()) {
            stored.options[printable(name)] = option_text(value);
        }
    }
    return stored;
}

CoreKind kind_of(const std::string& word)
{
    return word == "efficiency"  ? CoreKind::efficiency
           : word == "low-power" ? CoreKind::low_power
                                 : CoreKind::performance;
}

Layout layout_of(const Json& json)
{
    Layout layout;
    for (const auto& package : list_in(json, "packages")) {
        layout.packages.push_back(cpus_in(package, "cpus"));
    }
    for (const auto& node : list_in(json, "nodes")) {
        layout.nodes.push_back(
            {number_in(node, "id"), cpus_in(node, "cpus"), number_in(node, "memory-kib")});
    }
    for (const auto& l3 : list_in(json, "l3s")) {
        layout.l3s.push_back(
            {cpus_in(l3, "cpus"), number_in(l3, "size-bytes"), flag_in(l3, "vcache", false)});
    }
    for (const auto& core : list_in(json, "cores")) {
        layout.cores.push_back({cpus_in(core, "cpus"), kind_of(text_in(core, "kind"))});
    }
    std::erase_if(layout.cores, [](const LayoutCore& core) { return core.cpus.empty(); });
    std::sort(
        layout.cores.begin(), layout.cores.end(),
        [](const LayoutCore& a, const LayoutCore& b) { return a.cpus.front() < b.cpus.front(); });
    layout.isolated = cpus_in(json, "isolated");
    layout.offline = cpus_in(json, "offline");
    return layout;
}

// Documents of several hosts can be told apart only by what each says itself.
void name_host(Json& document, const std::string& host)
{
    if (document.is_object()) {
        document["host"] = host;
    } else if (document.is_array()) {
        for (auto& element : document) {
            name_host(element, host);
        }
    }
}

} // namespace

Result<Explanation> read_explanation(std::string_view json)
{
    const auto document = parsed_object(json);
    if (!document) {
        return document.error();
    }
    Explanation explanation;
    if (const auto* plan = member(*document, "plan")) {
        explanation.reasons = reasons_in(*plan);
    }
    if (const auto* stored = member(*document, "stored"); stored != nullptr) {
        explanation.stored = stored_policy(*stored);
    }
    for (const auto& entry : list_in(*document, "history")) {
        explanation.history.push_back({number_in(entry, "realtime-usec"), text_in(entry, "what")});
    }
    return explanation;
}

Result<PlanAnswer> read_plan(std::string_view json)
{
    const auto document = parsed_object(json);
    if (!document) {
        return document.error();
    }
    PlanAnswer answer;
    if (const auto* host = member(*document, "host")) {
        answer.housekeeping = cpus_in(*host, "housekeeping");
        answer.pool = cpus_in(*host, "pool");
    }
    for (const auto& guest : list_in(*document, "domains")) {
        answer.guests.push_back(planned_guest(guest));
    }
    return answer;
}

Result<std::optional<Layout>> read_layout(std::string_view describe_json)
{
    const auto document = parsed_object(describe_json);
    if (!document) {
        return document.error();
    }
    const auto* layout = member(*document, "layout");
    if (layout == nullptr || !layout->is_object()) {
        return std::optional<Layout>{};
    }
    return std::optional{layout_of(*layout)};
}

Result<std::string> formatted_json(std::string_view json, bool pretty, const std::string& host)
{
    auto document = Json::parse(json, nullptr, false);
    if (document.is_discarded()) {
        return unreadable_answer();
    }
    if (!host.empty()) {
        name_host(document, host);
    }
    return document.dump(pretty ? 2 : -1, ' ', false, Json::error_handler_t::replace) + "\n";
}

} // namespace virtpind::client
