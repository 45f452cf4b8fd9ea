// SPDX-License-Identifier: LGPL-2.1-or-later
#include "config_json.hpp"

#include "common/base/json_reader.hpp"
#include "common/base/uuid.hpp"
#include "policy_json.hpp"

#include <algorithm>

namespace virtpind {

namespace {

constexpr std::size_t named_policies_max = 256;
constexpr std::int64_t period_min_s = 5;
constexpr std::int64_t period_max_s = 3600;

struct PolicyDefinition {
    std::string name;
    JsonNode node;
    std::string base;
    OptionMap options;
};

Result<PolicyDefinition> read_definition(std::string_view name, const JsonNode& node)
{
    PolicyDefinition definition{std::string{name}, node, {}, {}};
    JsonFields fields{node, policy_keys("base")};
    fields.required("base", definition.base, read_string);
    definition.options = read_options(fields);
    if (const auto& error = fields.error()) {
        return *error;
    }
    return definition;
}

bool is_defined_in(const std::vector<PolicyDefinition>& definitions, const std::string& name)
{
    return std::any_of(definitions.begin(), definitions.end(),
                       [&name](const auto& definition) { return definition.name == name; });
}

// The first definition whose base stands already, or that can never stand (the catalog says why).
auto next_definition(const std::vector<PolicyDefinition>& left)
{
    return std::find_if(left.begin(), left.end(), [&left](const auto& definition) {
        return !is_defined_in(left, definition.base);
    });
}

// Definitions may come in any order, so each round adds one whose base is not among those left.
Result<void> add_definitions(PolicyCatalog& catalog, std::vector<PolicyDefinition> left)
{
    while (!left.empty()) {
        const auto next = next_definition(left);
        if (next == left.end()) {
            return left.front().node.error(
                "policy " + in_quotes(left.front().name) + " is based on itself through " +
                in_quotes(left.front().base) + "; base one of them on a built-in policy");
        }
        if (auto added = catalog.add(next->name, next->base, next->options); !added) {
            return next->node.error(added.error().message);
        }
        left.erase(next);
    }
    return {};
}

Result<PolicyCatalog> read_catalog(const JsonNode& node)
{
    const auto members = node.as_object();
    if (!members) {
        return members.error();
    }
    if (members->size() > named_policies_max) {
        return node.error("more than " + std::to_string(named_policies_max) + " policies");
    }
    std::vector<PolicyDefinition> definitions;
    for (const auto& [name, value] : *members) {
        auto definition = read_definition(name, value);
        if (!definition) {
            return std::move(definition).error();
        }
        definitions.push_back(std::move(*definition));
    }
    PolicyCatalog catalog;
    if (auto added = add_definitions(catalog, std::move(definitions)); !added) {
        return std::move(added).error();
    }
    return catalog;
}

using DomainPolicies = std::map<std::string, PolicySpec, std::less<>>;

Result<DomainPolicies> read_domains(const JsonNode& node, const PolicyCatalog& catalog)
{
    const auto members = node.as_object();
    if (!members) {
        return members.error();
    }
    DomainPolicies domains;
    for (const auto& [name, value] : *members) {
        auto spec = read_policy_spec(value, catalog, "policy", PolicyName::optional);
        if (!spec) {
            return std::move(spec).error();
        }
        const auto uuid = parse_uuid(name);
        if (name.empty() ||
            !domains.emplace(uuid ? uuid->str() : std::string{name}, std::move(*spec)).second) {
            return value.error(name.empty() ? "a domain needs a name or a UUID"
                                            : "this domain is listed twice");
        }
    }
    return domains;
}

Result<std::optional<CpuSet>> read_housekeeping(const JsonNode& node)
{
    const auto text = node.as_string();
    if (!text) {
        return text.error();
    }
    if (*text == "auto") {
        return std::optional<CpuSet>{};
    }
    auto cpus = CpuSet::parse(*text);
    if (!cpus) {
        return node.error("expected \"auto\" or a list of CPUs: " + cpus.error().message);
    }
    return std::optional<CpuSet>{std::move(*cpus)};
}

Result<std::string> read_policy_name(const JsonNode& node, const PolicyCatalog& catalog)
{
    auto name = node.as_string();
    if (!name) {
        return name;
    }
    const auto spec = make_policy_spec(catalog, *name, {}, PolicyName::required);
    return spec ? std::move(name) : node.error(spec.error().message);
}

} // namespace

Result<Config> parse_config(std::string_view text, std::string_view source)
{
    const auto document =
        parse_json(text, source, {.bytes_max = config_bytes_max, .depth_max = json_depth_max});
    if (!document) {
        return document.error();
    }
    Config config;
    JsonFields fields{document->root(),
                      {"default-policy", "housekeeping", "period-seconds", "policies", "domains"}};
    fields.optional("policies", config.catalog, read_catalog);
    const auto& catalog = config.catalog;
    fields.optional("default-policy", config.default_policy,
                    [&catalog](const JsonNode& node) { return read_policy_name(node, catalog); });
    fields.optional("housekeeping", config.housekeeping, read_housekeeping);
    std::int64_t period = config.period.count();
    fields.optional("period-seconds", period,
                    read_number<std::int64_t>(period_min_s, period_max_s));
    config.period = std::chrono::seconds{period};
    fields.optional("domains", config.domains,
                    [&catalog](const JsonNode& node) { return read_domains(node, catalog); });
    if (const auto& error = fields.error()) {
        return *error;
    }
    return config;
}

} // namespace virtpind
