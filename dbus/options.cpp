// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/options.hpp"

#include "common/model/policy_options.hpp"
#include "dbus/arguments.hpp"
#include "dbus/valid.hpp"

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
                       "\", not \"" + got + "\"; with busctl write: " + name + " " +
                       std::string{wanted} +
                       // It wants to know first how many words a list has.
                       (wanted == "as" ? " 1 VALUE" : " VALUE")};
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

Result<OptionValue> parse_value(const std::string& name, const sdbus::Variant& value)
{
    const auto type = type_of(value);
    if (const auto* known = find_option(name); known != nullptr && known->signature != type) {
        return wrong_type(name, known->signature, type);
    }
    if (type == "b") {
        return OptionValue{value.get<bool>()};
    }
    if (type == "i") {
        return OptionValue{value.get<std::int32_t>()};
    }
    if (type == "u") {
        return OptionValue{value.get<std::uint32_t>()};
    }
    if (type == "s") {
        auto text = value.get<std::string>();
        if (auto fits = check_text("option \"" + name + "\"", text); !fits) {
            return std::move(fits).error();
        }
        return OptionValue{std::move(text)};
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
    for (const std::string_view type : {"b", "i", "u", "s", "as", "t"}) {
        if (signature == type) {
            return true;
        }
    }
    return false;
}

Error no_option_type(const std::string& name, const std::string& signature)
{
    return {.code = Errc::invalid_argument,
            .message = "option \"" + name + "\" has D-Bus type \"" + signature +
                       "\"; options are of the types b, i, u, s and as"};
}

Error list_too_large(const std::string& name)
{
    return {.code = Errc::limits_exceeded,
            .message = "the words of option \"" + name + "\" have more than " +
                       std::to_string(text_bytes_max) + " bytes"};
}

Result<ParsedOptions> parse_options(const VariantMap& raw)
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
            if (const auto type = type_of(value); type != "t") {
                return wrong_type(name, "t", type);
            }
            parsed.expect_generation = value.get<std::uint64_t>();
            continue;
        }
        auto option = parse_value(name, value);
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
