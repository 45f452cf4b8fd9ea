// SPDX-License-Identifier: LGPL-2.1-or-later
#include "policy_json.hpp"

#include "policy_options.hpp"

#include <limits>

namespace virtpind {

namespace {

template <class T>
Result<OptionValue> as_option_value(Result<T> value)
{
    if (!value) {
        return std::move(value).error();
    }
    return OptionValue{std::move(*value)};
}

// true and false are no strings in JSON; other words of the option are.
Result<OptionValue> read_boolean(const OptionInfo& option, const JsonNode& node)
{
    if (auto flag = node.as_bool()) {
        return OptionValue{*flag};
    }
    std::string valid = "true, false";
    for (const auto word : option.values) {
        if (word == "true" || word == "false") {
            continue;
        }
        if (node.is_string() && node.as_string().value() == word) {
            return OptionValue{std::string{word}};
        }
        valid += " or \"" + std::string{word} + "\"";
    }
    return node.error(valid + " is expected");
}

Result<OptionValue> read_raw_value(const OptionInfo& option, const JsonNode& node)
{
    using Int32 = std::numeric_limits<std::int32_t>;
    switch (option.type) {
    case OptionType::boolean:
        return read_boolean(option, node);
    case OptionType::int32:
        return as_option_value(read_number<std::int32_t>(Int32::min(), Int32::max())(node));
    case OptionType::uint32:
        return as_option_value(read_number<std::uint32_t>(0, Int32::max())(node));
    case OptionType::string:
        return as_option_value(node.as_string());
    case OptionType::string_list:
        return as_option_value(read_array<std::string>(read_string)(node));
    }
    return node.error("unknown type of option");
}

} // namespace

Words policy_keys(std::string_view name_key)
{
    auto keys = option_names();
    keys.insert(keys.begin(), name_key);
    return keys;
}

OptionMap read_options(JsonFields& fields)
{
    OptionMap options;
    for (const auto& option : option_table()) {
        std::optional<OptionValue> value;
        fields.optional(option.name, value, [&option](const JsonNode& node) -> Result<OptionValue> {
            auto raw = read_raw_value(option, node);
            auto checked = raw ? checked_option(option, std::move(*raw)) : std::move(raw);
            return checked || checked.error().code == Errc::invalid_config
                       ? std::move(checked)
                       : node.error(checked.error().message);
        });
        if (value) {
            options.emplace(option.name, std::move(*value));
        }
    }
    return options;
}

Result<PolicySpec> read_policy_spec(const JsonNode& node, const PolicyCatalog& catalog,
                                    std::string_view name_key, PolicyName name_needed)
{
    std::string name;
    OptionMap options;
    if (node.is_string()) {
        name = *node.as_string();
    } else {
        JsonFields fields{node, policy_keys(name_key)};
        fields.optional(name_key, name, read_string);
        options = read_options(fields);
        if (const auto& error = fields.error()) {
            return *error;
        }
    }
    auto spec = make_policy_spec(catalog, name, std::move(options), name_needed);
    return spec ? std::move(spec) : node.error(spec.error().message);
}

} // namespace virtpind
