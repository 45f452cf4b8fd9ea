// SPDX-License-Identifier: LGPL-2.1-or-later
#include "config_json.hpp"

#include "common/base/json_reader.hpp"
#include "common/base/uuid.hpp"
#include "policy_json.hpp"

#include <algorithm>
#include <deque>
#include <set>

namespace virtpind {

namespace {

constexpr std::size_t named_policies_max = 256;
constexpr std::size_t domain_patterns_max = 256;
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

// Those of one file; they take the places of those of the same names.
Result<void> read_definitions(const JsonNode& node, std::vector<PolicyDefinition>& definitions)
{
    const auto members = node.as_object();
    if (!members) {
        return members.error();
    }
    for (const auto& [name, value] : *members) {
        auto definition = read_definition(name, value);
        if (!definition) {
            return std::move(definition).error();
        }
        std::erase_if(definitions, [key = name](const auto& known) { return known.name == key; });
        definitions.push_back(std::move(*definition));
    }
    if (definitions.size() > named_policies_max) {
        return node.error("more than " + std::to_string(named_policies_max) + " policies");
    }
    return {};
}

// What the files so far say about domains.
struct DomainEntries {
    struct Pattern {
        DomainPattern pattern;
        JsonNode node;
    };

    std::map<std::string, PolicySpec, std::less<>> exact;
    std::vector<Pattern> patterns; // in the order read
};

Result<void> add_pattern(std::string_view text, const JsonNode& node, PolicySpec policy,
                         std::vector<DomainEntries::Pattern>& patterns)
{
    auto glob = Glob::parse(text);
    if (!glob) {
        return node.error(glob.error().message);
    }
    std::erase_if(patterns, [text](const auto& known) { return known.pattern.text == text; });
    if (patterns.size() == domain_patterns_max) {
        return node.error("more than " + std::to_string(domain_patterns_max) + " patterns");
    }
    patterns.push_back({.pattern = {.text = std::string{text},
                                    .glob = std::move(*glob),
                                    .policy = std::move(policy)},
                        .node = node});
    return {};
}

// Those of one file; they take the places of those of the same keys.
Result<void> read_domains(const JsonNode& node, const PolicyCatalog& catalog,
                          DomainEntries& entries)
{
    const auto members = node.as_object();
    if (!members) {
        return members.error();
    }
    std::set<std::string> listed;
    for (const auto& [name, value] : *members) {
        auto spec = read_policy_spec(value, catalog, "policy", PolicyName::optional);
        if (!spec) {
            return std::move(spec).error();
        }
        if (name.empty()) {
            return value.error("a domain needs a name or a UUID");
        }
        if (Glob::is_pattern(name)) {
            if (auto added = add_pattern(name, value, std::move(*spec), entries.patterns); !added) {
                return added;
            }
            continue;
        }
        const auto uuid = parse_uuid(name);
        const auto key = uuid ? uuid->str() : std::string{name};
        if (!listed.insert(key).second) {
            return value.error("this domain is listed twice");
        }
        entries.exact.insert_or_assign(key, std::move(*spec));
    }
    return {};
}

bool same_policy(const PolicySpec& a, const PolicySpec& b)
{
    return a.name == b.name && a.options == b.options;
}

// Two patterns that say as much as each other, of which some name would match both: nobody could
// tell whose policy it gets.
Result<void> find_ambiguity(const std::vector<DomainEntries::Pattern>& patterns)
{
    for (auto later = patterns.begin(); later != patterns.end(); ++later) {
        for (auto former = patterns.begin(); former != later; ++former) {
            const auto& a = former->pattern;
            const auto& b = later->pattern;
            if (a.glob.specificity() == b.glob.specificity() && !same_policy(a.policy, b.policy) &&
                a.glob.overlaps(b.glob)) {
                return later->node.error("a name may match this pattern and " + in_quotes(a.text) +
                                         " (" + former->node.place() +
                                         "), and neither is more specific; add characters to one "
                                         "of them, or give both the same policy");
            }
        }
    }
    return {};
}

Result<void> take_domains(DomainEntries entries, Config& config)
{
    if (auto clear = find_ambiguity(entries.patterns); !clear) {
        return clear;
    }
    config.domains = std::move(entries.exact);
    for (auto& [pattern, node] : entries.patterns) {
        config.domain_patterns.push_back(std::move(pattern));
    }
    std::stable_sort(config.domain_patterns.begin(), config.domain_patterns.end(),
                     [](const DomainPattern& a, const DomainPattern& b) {
                         return a.glob.specificity() > b.glob.specificity();
                     });
    return {};
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

using Documents = std::deque<JsonDocument>; // whose nodes refer to them

Result<Documents> read_documents(const std::vector<ConfigText>& texts)
{
    Documents documents;
    for (const auto& [text, source] : texts) {
        auto document =
            parse_json(text, source, {.bytes_max = config_bytes_max, .depth_max = json_depth_max});
        if (!document) {
            return std::move(document).error();
        }
        documents.push_back(std::move(*document));
    }
    return documents;
}

JsonFields fields_of(const JsonDocument& document)
{
    return {document.root(),
            {"default-policy", "housekeeping", "period-seconds", "tidy", "policies", "domains"}};
}

// Everything of one file but its policies.
Result<void> read_file(const JsonDocument& document, Config& config, DomainEntries& entries)
{
    auto fields = fields_of(document);
    const auto& catalog = config.catalog;
    fields.optional("default-policy", config.default_policy,
                    [&catalog](const JsonNode& node) { return read_policy_name(node, catalog); });
    fields.optional("housekeeping", config.housekeeping, read_housekeeping);
    std::int64_t period = config.period.count();
    fields.optional("period-seconds", period,
                    read_number<std::int64_t>(period_min_s, period_max_s));
    config.period = std::chrono::seconds{period};
    fields.optional("tidy", config.tidy, read_bool);
    fields.each("domains",
                [&](const JsonNode& node) { return read_domains(node, catalog, entries); });
    const auto& error = fields.error();
    return error ? *error : Result<void>{};
}

} // namespace

Result<Config> parse_config(const std::vector<ConfigText>& texts)
{
    const auto documents = read_documents(texts);
    if (!documents) {
        return documents.error();
    }
    std::vector<PolicyDefinition> definitions; // of all files: each may name those of the others
    for (const auto& document : *documents) {
        auto fields = fields_of(document);
        fields.each("policies", [&definitions](const JsonNode& node) {
            return read_definitions(node, definitions);
        });
        if (const auto& error = fields.error()) {
            return *error;
        }
    }
    Config config;
    if (auto added = add_definitions(config.catalog, std::move(definitions)); !added) {
        return std::move(added).error();
    }
    DomainEntries entries;
    for (const auto& document : *documents) {
        if (auto read = read_file(document, config, entries); !read) {
            return std::move(read).error();
        }
    }
    if (auto taken = take_domains(std::move(entries), config); !taken) {
        return std::move(taken).error();
    }
    return config;
}

Result<Config> parse_config(std::string_view text, std::string_view source)
{
    return parse_config({{.text = std::string{text}, .source = std::string{source}}});
}

} // namespace virtpind
