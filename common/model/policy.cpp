// SPDX-License-Identifier: LGPL-2.1-or-later
// Named policies, requests for them, and the merging of layers into one Policy.
#include "policy.hpp"

#include "common/base/messages.hpp"
#include "policy_options.hpp"

#include <algorithm>
#include <array>

namespace virtpind {

namespace {

constexpr std::array<std::string_view, 5> built_in_names = {"none", "shared", "dedicated",
                                                            "passthrough", "auto"};

Error invalid(std::string message)
{
    return Error{.code = Errc::invalid_policy, .message = std::move(message)};
}

Words as_words(const std::vector<std::string>& names)
{
    return {names.begin(), names.end()};
}

bool is_policy_name(std::string_view name)
{
    constexpr std::size_t name_max = 64;
    return !name.empty() && name.size() <= name_max &&
           std::all_of(name.begin(), name.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '.' || c == '_' || c == '-';
           });
}

Result<OptionMap> checked_options(OptionMap options)
{
    for (auto& [name, value] : options) {
        const auto* option = find_option(name);
        if (option == nullptr) {
            return invalid(unknown_word("option", name, option_names()));
        }
        auto checked = checked_option(*option, std::move(value));
        if (!checked) {
            return std::move(checked).error();
        }
        value = std::move(*checked);
    }
    return options;
}

// One request that leaves the domain alone and says how to place it contradicts itself. (Options
// of lower layers may stand below a `none`: they simply rest.)
Result<void> check_hands_off(const PolicyCatalog& catalog, const PolicySpec& spec)
{
    auto placement = spec.options.find("placement");
    if (placement == spec.options.end()) {
        if (spec.name.empty()) {
            return {};
        }
        const auto& implied = catalog.options_of(spec.name);
        placement = implied.find("placement");
        if (placement == implied.end()) {
            return {};
        }
    }
    if (placement->second != OptionValue{std::string{"none"}}) {
        return {};
    }
    for (const auto& [name, value] : spec.options) {
        if (name != "placement") {
            return invalid("option '" + name + "' has no effect with placement=none (policy " +
                           in_quotes(spec.name) +
                           "), which leaves the domain alone; drop the option or choose placement "
                           "shared or dedicated");
        }
    }
    return {};
}

// Position of an option's word among its valid values. Precondition: both are valid.
std::size_t word_index(std::string_view option, std::string_view word)
{
    const auto& values = find_option(option)->values;
    return static_cast<std::size_t>(std::find(values.begin(), values.end(), word) - values.begin());
}

// Reads one checked option into a member of Policy. Enumerators are in the table's order, except
// those of Placement, which are ordered by what they claim.
class PolicyFields {
public:
    explicit PolicyFields(const OptionMap& options) : options_{options} {}

    template <class Value>
    void copy(std::string_view option, Value& out) const
    {
        if (const auto* value = find<Value>(option)) {
            out = *value;
        }
    }

    template <class Choice>
    void choice(std::string_view option, Choice& out) const
    {
        if (const auto at = options_.find(option); at != options_.end()) { // a boolean, too
            out = static_cast<Choice>(word_index(option, option_text(at->second)));
        }
    }

    void placement(Placement& out) const
    {
        if (const auto* word = find<std::string>("placement")) {
            for (const auto value : {Placement::none, Placement::shared, Placement::dedicated}) {
                out = *word == to_string(value) ? value : out;
            }
        }
    }

    template <class Set>
    void set(std::string_view option, Set& out) const
    {
        if (const auto* text = find<std::string>(option)) {
            out = Set::parse(*text).value();
        }
    }

    void threads(std::string_view option, ThreadChoice& out) const
    {
        const auto* text = find<std::string>(option);
        if (text == nullptr) {
            return;
        }
        // No word of the table, so one past its end: a cpulist.
        out.mode = static_cast<ThreadChoice::Mode>(word_index(option, *text));
        if (out.mode == ThreadChoice::Mode::fixed) {
            out.cpus = CpuSet::parse(*text).value();
        }
    }

    void tune(std::set<Tune>& out) const
    {
        if (const auto* words = find<std::vector<std::string>>("tune")) {
            for (const auto& word : *words) {
                out.insert(static_cast<Tune>(word_index("tune", word)));
            }
        }
    }

private:
    template <class Value>
    [[nodiscard]] const Value* find(std::string_view option) const
    {
        const auto at = options_.find(option);
        return at != options_.end() ? &std::get<Value>(at->second) : nullptr;
    }

    const OptionMap& options_;
};

Policy policy_of(std::string name, const OptionMap& options)
{
    const PolicyFields fields{options};
    Policy policy{.name = std::move(name)};
    fields.placement(policy.placement);
    fields.set("cpus", policy.cpus);
    fields.choice("smt", policy.smt);
    fields.choice("numa", policy.numa);
    fields.choice("device", policy.device);
    fields.choice("cache", policy.cache);
    fields.choice("cores", policy.cores);
    fields.threads("emulator", policy.emulator);
    fields.threads("iothreads", policy.iothreads);
    fields.choice("memory", policy.memory);
    fields.copy("vcpus", policy.vcpus);
    fields.set("dedicated-vcpus", policy.dedicated_vcpus);
    fields.choice("topology", policy.topology);
    fields.tune(policy.tune);
    fields.choice("isolate", policy.isolate);
    fields.choice("profile", policy.profile);
    fields.choice("move", policy.move);
    fields.copy("priority", policy.priority);
    fields.choice("fallback", policy.fallback);
    return policy;
}

// Options that speak of CPUs of the domain's own, which a shared domain has not: option and the
// values that do; without values, all but the empty text.
const std::vector<std::pair<std::string_view, std::vector<OptionValue>>>& dedicated_only()
{
    using Values = std::vector<OptionValue>;
    const auto word = [](const char* text) { return OptionValue{std::string{text}}; };
    static const std::vector<std::pair<std::string_view, Values>> table = {
        {"smt", {word("require"), word("isolate")}},
        {"emulator", {word("own")}},
        {"iothreads", {word("own")}},
        {"topology", {word("match"), word("host")}},
        {"isolate", {OptionValue{true}}},
        {"profile", {word("performance")}},
        {"dedicated-vcpus", {}},
    };
    return table;
}

enum class PlacementBy { request, domain }; // somebody chose `shared`, or `auto` did

// A shared domain with options for dedicated ones: a contradiction when somebody asked for both;
// when `auto` chose, those options wait for a domain that is dedicated.
Result<void> drop_dedicated_options(OptionMap& effective, PlacementBy by)
{
    for (const auto& [name, values] : dedicated_only()) {
        const auto at = effective.find(name);
        const auto speaks = [&values = values](const OptionValue& value) {
            return values.empty() ? value != OptionValue{std::string{}}
                                  : std::find(values.begin(), values.end(), value) != values.end();
        };
        if (at == effective.end() || !speaks(at->second)) {
            continue;
        }
        if (by == PlacementBy::request) {
            return invalid("option '" + std::string{name} + "': '" + option_text(at->second) +
                           "' needs placement=dedicated, but placement is 'shared'; change one of "
                           "the two");
        }
        effective.erase(at);
    }
    return {};
}

} // namespace

PolicyCatalog::PolicyCatalog()
{
    const auto word = [](const char* text) { return OptionValue{std::string{text}}; };
    entries_["none"].options = {{"placement", word("none")}};
    entries_["shared"].options = {{"placement", word("shared")}};
    entries_["dedicated"].options = {{"placement", word("dedicated")}};
    entries_["passthrough"].options = {
        {"placement", word("dedicated")},
        {"smt", word("require")},
        {"topology", word("match")},
        {"tune", std::vector<std::string>{"cache-passthrough", "topoext", "invtsc", "no-migrate"}},
    };
    entries_["auto"].depends_on_domain = true;
}

Result<void> PolicyCatalog::add(const std::string& name, const std::string& base, OptionMap options)
{
    if (!is_policy_name(name)) {
        return invalid("policy name " + in_quotes(name) +
                       " is invalid; use 1 to 64 letters, digits, dots, underscores or dashes");
    }
    if (contains(name)) {
        const auto built_in =
            std::find(built_in_names.begin(), built_in_names.end(), name) != built_in_names.end();
        return invalid("policy " + in_quotes(name) +
                       (built_in ? " is built in; choose another name"
                                 : " is defined already; choose another name"));
    }
    auto spec = make_policy_spec(*this, base, std::move(options), PolicyName::required);
    if (!spec) {
        return std::move(spec).error();
    }
    Entry entry{.depends_on_domain = is_auto(base) && !spec->options.contains("placement")};
    entry.options = std::move(spec->options);
    entry.options.insert(options_of(base).begin(), options_of(base).end());
    entries_.emplace(name, std::move(entry));
    return {};
}

bool PolicyCatalog::contains(std::string_view name) const
{
    return entries_.find(name) != entries_.end();
}

std::vector<std::string> PolicyCatalog::names() const
{
    std::vector<std::string> names{built_in_names.begin(), built_in_names.end()};
    for (const auto& [name, entry] : entries_) {
        if (std::find(built_in_names.begin(), built_in_names.end(), name) == built_in_names.end()) {
            names.push_back(name);
        }
    }
    return names;
}

const OptionMap& PolicyCatalog::options_of(std::string_view name) const
{
    return entries_.find(name)->second.options;
}

bool PolicyCatalog::is_auto(std::string_view name) const
{
    const auto at = entries_.find(name);
    return at != entries_.end() && at->second.depends_on_domain;
}

Result<PolicySpec> make_policy_spec(const PolicyCatalog& catalog, std::string_view name,
                                    OptionMap options, PolicyName name_needed)
{
    if (name.empty() && name_needed == PolicyName::required) {
        return invalid("no policy is named; valid: " + join_words(as_words(catalog.names())));
    }
    if (!name.empty() && !catalog.contains(name)) {
        return invalid(unknown_word("policy", name, as_words(catalog.names())));
    }
    auto checked = checked_options(std::move(options));
    if (!checked) {
        return std::move(checked).error();
    }
    PolicySpec spec{.name = std::string{name}, .options = std::move(*checked)};
    if (auto possible = check_hands_off(catalog, spec); !possible) {
        return std::move(possible).error();
    }
    // What contradicts itself under every layer below it is refused here, where it was written.
    if (auto alone = resolve_policy(catalog, {PolicyLayer{.spec = spec}}, true); !alone) {
        return std::move(alone).error();
    }
    return spec;
}

Result<ResolvedPolicy> resolve_policy(const PolicyCatalog& catalog,
                                      const std::vector<PolicyLayer>& layers, bool has_devices)
{
    ResolvedPolicy resolved;
    std::string name;
    OptionMap effective;
    auto placement_by = PlacementBy::request;
    for (const auto& layer : layers) {
        resolved.explicitly_set |= layer.source != PolicySource::default_policy;
        for (const auto& [option, value] : layer.spec.options) {
            if (effective.emplace(option, value).second) {
                resolved.options.emplace(option, value);
            }
        }
        if (!name.empty() || layer.spec.name.empty()) {
            continue;
        }
        name = layer.spec.name;
        resolved.source = layer.source;
        if (!catalog.contains(name)) {
            return invalid(unknown_word("policy", name, as_words(catalog.names())));
        }
        const auto& implied = catalog.options_of(name);
        effective.insert(implied.begin(), implied.end());
        if (catalog.is_auto(name) &&
            effective.emplace("placement", std::string{has_devices ? "dedicated" : "shared"})
                .second) {
            placement_by = PlacementBy::domain;
        }
    }
    const auto placement = effective.find("placement");
    if (placement != effective.end() && placement->second == OptionValue{std::string{"shared"}}) {
        if (auto dropped = drop_dedicated_options(effective, placement_by); !dropped) {
            return std::move(dropped).error();
        }
    }
    resolved.policy = policy_of(name.empty() ? "none" : name, effective);
    resolved.policy.by_devices = placement_by == PlacementBy::domain;
    return resolved;
}

std::string_view to_string(PolicySource source)
{
    switch (source) {
    case PolicySource::default_policy:
        return "default";
    case PolicySource::config:
        return "config";
    case PolicySource::metadata:
        return "metadata";
    case PolicySource::bus:
        return "bus";
    }
    return "default";
}

std::string_view to_string(Placement value)
{
    switch (value) {
    case Placement::none:
        return "none";
    case Placement::shared:
        return "shared";
    case Placement::dedicated:
        return "dedicated";
    }
    return "none";
}

std::string_view to_string(Tune value)
{
    return find_option("tune")->values[static_cast<std::size_t>(value)];
}

} // namespace virtpind
