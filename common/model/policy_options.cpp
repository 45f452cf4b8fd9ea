// SPDX-License-Identifier: LGPL-2.1-or-later
// The option table and the values of single options: text to value, value to text, validity.
#include "policy_options.hpp"

#include "common/base/cpu_set.hpp"
#include "common/base/messages.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace virtpind {

namespace {

constexpr std::size_t option_bytes_max = 4096;
constexpr std::size_t option_list_max = 32;
constexpr std::uint32_t vcpus_max = 16384;

// Long: a table, one row an option.
// NOLINTNEXTLINE(readability-function-size)
std::vector<OptionInfo> make_option_table()
{
    using enum OptionType;
    return {
        {"placement",
         string,
         "s",
         {"dedicated", "shared", "none"},
         "",
         "set by the named policy",
         "CPUs of its own; CPUs of the pool; the domain is left alone"},
        {"cpus",
         string,
         "s",
         {},
         "cpulist",
         "empty: no restriction",
         "host CPUs the domain is restricted to"},
        {"smt",
         string,
         "s",
         {"auto", "prefer", "require", "isolate", "spread"},
         "",
         "auto",
         "as the guest's own topology has it: with threads=1 one vCPU per core while enough whole "
         "cores are free, else as prefer; fill whole cores; only whole cores, exclusively; one "
         "vCPU per core and its siblings stay idle; one vCPU per core while there are cores, and "
         "siblings stay usable"},
        {"numa",
         string,
         "s",
         {"prefer", "single", "spread"},
         "",
         "prefer",
         "the fewest nodes; one node or fail; evenly over the nodes"},
        {"device",
         string,
         "s",
         {"prefer", "package", "require"},
         "",
         "prefer",
         "near the nodes of the domain's devices where there is room; in a package of these nodes "
         "or "
         "fail; on these nodes or fail"},
        {"cache",
         string,
         "s",
         {"alone", "pack"},
         "",
         "alone",
         "prefer L3s that no other domain uses; best fit, keep large L3s free for later domains"},
        {"cores",
         string,
         "s",
         {"performance", "efficiency", "any"},
         "",
         "performance",
         "the kind of cores on hybrid hosts; only 'any' mixes kinds"},
        {"emulator",
         string,
         "s",
         {"auto", "own", "vcpus"},
         "cpulist",
         "auto",
         "CPUs of emulator threads: housekeeping near the nodes of a dedicated domain, or the "
         "pool CPUs of a shared domain; one more core; the vCPUs' CPUs; fixed CPUs"},
        {"iothreads",
         string,
         "s",
         {"auto", "own", "vcpus"},
         "cpulist",
         "auto",
         "CPUs of I/O threads: housekeeping near the nodes of a dedicated domain, or the pool CPUs "
         "of a shared domain; one more core; the vCPUs' CPUs; fixed CPUs"},
        {"memory",
         string,
         "s",
         {"follow", "keep"},
         "",
         "follow",
         "NUMA memory follows the vCPUs' nodes, or is left alone"},
        {"vcpus",
         uint32,
         "u",
         {},
         "number",
         "0: leave the number alone",
         "the number of online vCPUs, by plugging or unplugging"},
        {"dedicated-vcpus",
         string,
         "s",
         {},
         "vcpulist",
         "empty: all",
         "the vCPUs that get CPUs of their own; the others float on the pool beside them"},
        {"topology",
         string,
         "s",
         {"keep", "match", "host"},
         "",
         "keep",
         "guest topology: left alone; like the chosen CPUs; like the host, with unused vCPUs "
         "offline"},
        {"tune",
         string_list,
         "as",
         {"cache-passthrough", "topoext", "invtsc", "no-migrate", "hide-hypervisor", "host-smbios"},
         "",
         "empty: nothing",
         "guest features to enable in the definition"},
        {"isolate",
         boolean,
         "b",
         {"false", "true", "auto"},
         "",
         "false",
         "keep the host's own services off the domain's CPUs while it runs: no; yes; where that "
         "can "
         "be had, for a dedicated domain"},
        {"profile",
         string,
         "s",
         {"keep", "performance"},
         "",
         "keep",
         "the host's power profile while the domain runs on CPUs of its own: left alone; held at "
         "performance by power-profiles-daemon"},
        {"move",
         string,
         "s",
         {"cache", "never", "node"},
         "",
         "cache",
         "how far a running domain may be moved to make room for others: within its nodes; not at "
         "all; across nodes with its memory"},
        {"priority",
         int32,
         "i",
         {},
         "number",
         "0",
         "domains with a higher priority get CPUs first"},
        {"fallback",
         string,
         "s",
         {"shared", "fail"},
         "",
         "shared",
         "a domain that does not fit: runs on the pool; is left alone and reported"},
    };
}

std::string_view type_words(OptionType type)
{
    switch (type) {
    case OptionType::boolean:
        return "true, false or a word";
    case OptionType::int32:
        return "a number";
    case OptionType::uint32:
        return "a number from 0 to 16384";
    case OptionType::string:
        return "a string";
    case OptionType::string_list:
        return "a list of strings";
    }
    return "";
}

bool names_vcpus(const OptionInfo& option)
{
    return option.free_form == "vcpulist";
}

bool is_id_list(const OptionInfo& option)
{
    return option.free_form == "cpulist" || names_vcpus(option);
}

// "prefer, require, isolate, spread", "auto, own, vcpus or a cpulist like \"0-3,8\"", ...
std::string valid_values(const OptionInfo& option)
{
    if (option.values.empty() && !is_id_list(option)) {
        return std::string{type_words(option.type)};
    }
    auto text = join_words(option.values);
    if (is_id_list(option)) {
        text +=
            std::string{text.empty() ? "" : " or "} +
            (names_vcpus(option) ? "a list of vCPUs like \"0-3,8\"" : "a cpulist like \"0-3,8\"");
    }
    return text;
}

Error bad_value(const OptionInfo& option, const std::string& what)
{
    return Error{.code = Errc::invalid_policy,
                 .message = "option '" + std::string{option.name} + "': " + what +
                            "; valid: " + valid_values(option)};
}

Error unknown_value(const OptionInfo& option, std::string_view value)
{
    if (is_id_list(option)) {
        return bad_value(option, in_quotes(value) + " is not one of its values");
    }
    return Error{.code = Errc::invalid_policy,
                 .message = "option '" + std::string{option.name} +
                            "': " + unknown_word("value", value, option.values)};
}

bool has_value(const OptionInfo& option, std::string_view word)
{
    return std::find(option.values.begin(), option.values.end(), word) != option.values.end();
}

// A boolean, or one of the words beside "true" and "false" that the option has.
Result<OptionValue> checked_boolean(const OptionInfo& option, std::string text)
{
    if (text == "true" || text == "false") {
        return OptionValue{text == "true"};
    }
    return has_value(option, text) ? Result<OptionValue>{OptionValue{std::move(text)}}
                                   : unknown_value(option, text);
}

// Canonical form of a cpulist. The empty text is the empty set (no restriction) where no word
// stands for that; a list that only excludes itself away is a mistake.
Result<OptionValue> checked_cpulist(const OptionInfo& option, const std::string& text)
{
    if (text.empty() && option.values.empty()) {
        return OptionValue{text};
    }
    const auto cpus = CpuSet::parse(text);
    if (!cpus) {
        return option.values.empty() ? bad_value(option, cpus.error().message)
                                     : unknown_value(option, text);
    }
    if (cpus->empty()) {
        return bad_value(option, in_quotes(text) +
                                     (names_vcpus(option) ? " names no vCPU" : " names no CPU"));
    }
    return OptionValue{cpus->str()};
}

Result<OptionValue> checked_string(const OptionInfo& option, std::string text)
{
    if (text.size() > option_bytes_max) {
        return bad_value(option, "the value has " + std::to_string(text.size()) +
                                     " bytes; at most " + std::to_string(option_bytes_max) +
                                     " are accepted");
    }
    if (has_value(option, text)) {
        return OptionValue{std::move(text)};
    }
    return is_id_list(option) ? checked_cpulist(option, text) : unknown_value(option, text);
}

// In the table's order and without repetition, so that equal lists compare equal.
Result<OptionValue> checked_list(const OptionInfo& option, const std::vector<std::string>& items)
{
    if (items.size() > option_list_max) {
        return bad_value(option,
                         "the list has more than " + std::to_string(option_list_max) + " items");
    }
    for (const auto& item : items) {
        if (!has_value(option, item)) {
            return unknown_value(option, item);
        }
    }
    std::vector<std::string> ordered;
    for (const auto value : option.values) {
        if (std::find(items.begin(), items.end(), value) != items.end()) {
            ordered.emplace_back(value);
        }
    }
    return OptionValue{std::move(ordered)};
}

template <class Number>
Result<OptionValue> parse_number(const OptionInfo& option, std::string_view text)
{
    Number value = 0;
    const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
    // A uint32 has limits of its own, which its words name.
    if (status == std::errc::result_out_of_range && option.type != OptionType::uint32) {
        using Limits = std::numeric_limits<Number>;
        return Error{.code = Errc::invalid_policy,
                     .message = "option '" + std::string{option.name} + "': " + in_quotes(text) +
                                " is out of range; valid: " + std::to_string(Limits::min()) +
                                " to " + std::to_string(Limits::max())};
    }
    if (status != std::errc{} || end != text.data() + text.size()) {
        return bad_value(option, in_quotes(text) + " is no such number");
    }
    return OptionValue{value};
}

std::vector<std::string> split_list(std::string_view text)
{
    std::vector<std::string> items;
    while (!text.empty() && items.size() <= option_list_max) {
        const auto comma = text.find(',');
        items.emplace_back(text.substr(0, comma));
        if (comma == std::string_view::npos) {
            return items;
        }
        text.remove_prefix(comma + 1);
        if (text.empty()) {
            items.emplace_back(); // a trailing comma: the missing item is refused by name
        }
    }
    return items;
}

} // namespace

const std::vector<OptionInfo>& option_table()
{
    static const auto table = make_option_table();
    return table;
}

const OptionInfo* find_option(std::string_view name)
{
    const auto& table = option_table();
    const auto at = std::find_if(table.begin(), table.end(),
                                 [name](const OptionInfo& option) { return option.name == name; });
    return at != table.end() ? &*at : nullptr;
}

Words option_names()
{
    Words names;
    for (const auto& option : option_table()) {
        names.push_back(option.name);
    }
    return names;
}

std::string option_text(const OptionValue& value)
{
    struct Writer {
        std::string operator()(bool flag) const { return flag ? "true" : "false"; }

        std::string operator()(std::int32_t number) const { return std::to_string(number); }

        std::string operator()(std::uint32_t number) const { return std::to_string(number); }

        std::string operator()(const std::string& text) const { return text; }

        std::string operator()(const std::vector<std::string>& items) const
        {
            std::string text;
            for (const auto& item : items) {
                text += (text.empty() ? "" : ",") + item;
            }
            return text;
        }
    };

    return std::visit(Writer{}, value);
}

Result<OptionValue> checked_option(const OptionInfo& option, OptionValue value)
{
    if (const auto* word = std::get_if<std::string>(&value);
        word != nullptr && option.type == OptionType::boolean) {
        return checked_boolean(option, *word);
    }
    // The alternatives of OptionValue are in the order of OptionType.
    if (value.index() != static_cast<std::size_t>(option.type)) {
        return bad_value(option, "wrong type; it takes " + std::string{type_words(option.type)} +
                                     " (D-Bus '" + std::string{option.signature} + "')");
    }
    if (auto* text = std::get_if<std::string>(&value)) {
        return checked_string(option, std::move(*text));
    }
    if (const auto* items = std::get_if<std::vector<std::string>>(&value)) {
        return checked_list(option, *items);
    }
    const auto* number = std::get_if<std::uint32_t>(&value);
    if (number != nullptr && *number > vcpus_max) {
        return bad_value(option, std::to_string(*number) + " is too large");
    }
    return value;
}

Result<OptionValue> parse_option_text(const OptionInfo& option, std::string_view text)
{
    const auto checked = [&option](Result<OptionValue> value) -> Result<OptionValue> {
        return value ? checked_option(option, std::move(*value)) : std::move(value);
    };
    switch (option.type) {
    case OptionType::boolean:
        return checked_boolean(option, std::string{text});
    case OptionType::int32:
        return checked(parse_number<std::int32_t>(option, text));
    case OptionType::uint32:
        return checked(parse_number<std::uint32_t>(option, text));
    case OptionType::string:
        return checked(OptionValue{std::string{text}});
    case OptionType::string_list:
        return checked(OptionValue{split_list(text)});
    }
    return bad_value(option, "unknown type");
}

} // namespace virtpind
