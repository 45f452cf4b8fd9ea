// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/options.hpp"

#include "common/base/messages.hpp"
#include "common/model/policy_options.hpp"
#include "dbus/arguments.hpp"
#include "dbus/valid.hpp"

#include <charconv>
#include <limits>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace virtpind::bus {

namespace {

constexpr std::string_view expect_generation_key = "expect-generation";

std::string type_of(const sdbus::Variant& value)
{
    return std::string{value.peekValueType()};
}

Error wrong_type(const std::string& name, std::string_view wanted, const std::string& got)
{
    return {.code = Errc::invalid_argument,
            .message = "option \"" + name + "\" has D-Bus type \"" + std::string{wanted} +
                       "\" or \"s\", not \"" + got + "\"; with busctl write: " + name + " s VALUE"};
}

bool is_integer(std::string_view type)
{
    return type.size() == 1 && std::string_view{"ynqiuxt"}.find(type) != std::string_view::npos;
}

// Of any integer type. Precondition: it has one.
std::string number_text(const sdbus::Variant& value)
{
    switch (type_of(value).front()) {
    case 'y':
        return std::to_string(value.get<std::uint8_t>());
    case 'n':
        return std::to_string(value.get<std::int16_t>());
    case 'q':
        return std::to_string(value.get<std::uint16_t>());
    case 'i':
        return std::to_string(value.get<std::int32_t>());
    case 'u':
        return std::to_string(value.get<std::uint32_t>());
    case 'x':
        return std::to_string(value.get<std::int64_t>());
    default:
        return std::to_string(value.get<std::uint64_t>());
    }
}

Result<std::uint64_t> parse_generation(const sdbus::Variant& value)
{
    const auto type = type_of(value);
    if (!is_integer(type) && type != "s") {
        return wrong_type(std::string{expect_generation_key}, "t", type);
    }
    const auto text = type == "s" ? value.get<std::string>() : number_text(value);
    std::uint64_t number = 0;
    const auto* const end = text.data() + text.size();
    const auto [stop, status] = std::from_chars(text.data(), end, number);
    if (status != std::errc{} || stop != end) {
        return Error{.code = Errc::invalid_argument,
                     .message = "option \"expect-generation\": " + in_quotes(text) +
                                " is no generation; valid: a number from 0 to " +
                                std::to_string(std::numeric_limits<std::uint64_t>::max()) +
                                ", as the property Generation has it"};
    }
    return number;
}

Result<OptionValue> parse_list(const std::string& name, std::vector<std::string> items)
{
    if (items.size() > list_items_max) {
        return Error{.code = Errc::limits_exceeded,
                     .message = "option \"" + name + "\" lists " + std::to_string(items.size()) +
                                " words; at most " + std::to_string(list_items_max) +
                                " are accepted"};
    }
    std::size_t bytes = 0;
    for (const auto& item : items) {
        if (auto fits = check_text("a word of option \"" + name + "\"", item); !fits) {
            return std::move(fits).error();
        }
        bytes += item.size();
    }
    if (bytes > text_bytes_max) {
        return list_too_large(name);
    }
    return OptionValue{std::move(items)};
}

// `known` is null for a name that no option has, which the policy code refuses whatever its value.
Result<OptionValue> parse_text(const std::string& name, const OptionInfo* known, std::string text,
                               EmptyText empty)
{
    if (auto fits = check_text("option \"" + name + "\"", text); !fits) {
        return std::move(fits).error();
    }
    const auto as_it_is = known == nullptr || known->type == OptionType::string ||
                          (text.empty() && empty == EmptyText::takes_away);
    return as_it_is ? Result<OptionValue>{OptionValue{std::move(text)}}
                    : parse_option_text(*known, text);
}

Result<OptionValue> parse_value(const std::string& name, const sdbus::Variant& value,
                                EmptyText empty)
{
    const auto type = type_of(value);
    const auto* const known = find_option(name);
    if (type == "s") {
        return parse_text(name, known, value.get<std::string>(), empty);
    }
    const auto is_number =
        known != nullptr && (known->type == OptionType::int32 || known->type == OptionType::uint32);
    if (is_integer(type) && (is_number || known == nullptr)) {
        return is_number ? parse_option_text(*known, number_text(value)) : OptionValue{false};
    }
    if (known != nullptr && known->signature != type) {
        return wrong_type(name, known->signature, type);
    }
    if (type == "b") {
        return OptionValue{value.get<bool>()};
    }
    if (type == "as") {
        return parse_list(name, value.get<std::vector<std::string>>());
    }
    return no_option_type(name, type);
}

std::size_t bytes_of(const OptionValue& value)
{
    if (const auto* text = std::get_if<std::string>(&value)) {
        return text->size();
    }
    std::size_t bytes = 0;
    if (const auto* items = std::get_if<std::vector<std::string>>(&value)) {
        for (const auto& item : *items) {
            bytes += item.size();
        }
    }
    return bytes;
}

} // namespace

bool is_option_type(std::string_view signature)
{
    return signature == "b" || signature == "s" || signature == "as" || is_integer(signature);
}

Error no_option_type(const std::string& name, const std::string& signature)
{
    return {.code = Errc::invalid_argument,
            .message = "option \"" + name + "\" has D-Bus type \"" + signature +
                       "\"; options are of the types b, s, as and the integers"};
}

Error list_too_large(const std::string& name)
{
    return {.code = Errc::limits_exceeded,
            .message = "the words of option \"" + name + "\" have more than " +
                       std::to_string(text_bytes_max) + " bytes"};
}

Result<ParsedOptions> parse_options(const VariantMap& raw, EmptyText empty)
{
    if (raw.size() > options_max) {
        return Error{.code = Errc::limits_exceeded,
                     .message = std::to_string(raw.size()) + " options; at most " +
                                std::to_string(options_max) + " are accepted"};
    }
    ParsedOptions parsed;
    std::size_t bytes = 0;
    for (const auto& [name, value] : raw) {
        if (auto fits = check_text("the name of an option", name); !fits) {
            return std::move(fits).error();
        }
        if (name == expect_generation_key) {
            const auto generation = parse_generation(value);
            if (!generation) {
                return generation.error();
            }
            parsed.expect_generation = *generation;
            continue;
        }
        auto option = parse_value(name, value, empty);
        if (!option) {
            return std::move(option).error();
        }
        bytes += name.size() + bytes_of(*option);
        if (bytes > options_bytes_max) {
            return Error{.code = Errc::limits_exceeded,
                         .message = "the options have more than " +
                                    std::to_string(options_bytes_max) + " bytes"};
        }
        parsed.options.emplace(name, std::move(*option));
    }
    return parsed;
}

Result<OptionMap> parse_plan_options(const VariantMap& raw, EmptyText empty)
{
    auto parsed = parse_options(raw, empty);
    if (!parsed) {
        return std::move(parsed).error();
    }
    if (parsed->expect_generation) {
        return Error{.code = Errc::invalid_argument,
                     .message =
                         "option \"expect-generation\" does not apply to plans, which change "
                         "nothing; leave it out"};
    }
    return std::move(parsed->options);
}

Result<bool> take_merge(VariantMap& raw)
{
    const auto at = raw.find("merge");
    if (at == raw.end()) {
        return false;
    }
    if (type_of(at->second) != "b") {
        return Error{.code = Errc::invalid_argument,
                     .message = "option \"merge\" has D-Bus type \"b\", not \"" +
                                type_of(at->second) + "\"; with busctl write: merge b true"};
    }
    const auto merges = at->second.get<bool>();
    raw.erase(at);
    return merges;
}

VariantMap to_variants(const OptionMap& options)
{
    const auto to_variant = [](const auto& plain) { return sdbus::Variant{valid(plain)}; };
    VariantMap variants;
    for (const auto& [name, value] : options) {
        variants.emplace(valid(name), std::visit(to_variant, value));
    }
    return variants;
}

} // namespace virtpind::bus
