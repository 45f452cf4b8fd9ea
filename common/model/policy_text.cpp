// SPDX-License-Identifier: LGPL-2.1-or-later
#include "policy_text.hpp"

#include "common/base/messages.hpp"

#include <algorithm>

namespace virtpind {

namespace {

constexpr std::string_view blanks = " \t\n";

Error unusable(std::string message)
{
    return Error{.code = Errc::invalid_policy, .message = std::move(message)};
}

Error no_value(const OptionInfo& option)
{
    const std::string name{option.name};
    return unusable(in_quotes(name) + " has no value; write " + name + "=VALUE" +
                    (option.values.empty() ? "" : "; valid: " + join_words(option.values)));
}

// The word at the beginning of `text`, which is shortened by it; empty: there is none.
std::string_view take_word(std::string_view& text)
{
    const auto begin = std::min(text.find_first_not_of(blanks), text.size());
    text.remove_prefix(begin);
    const auto word = text.substr(0, text.find_first_of(blanks));
    text.remove_prefix(word.size());
    return word;
}

Result<void> add_option(PolicyText& parsed, std::string_view word)
{
    auto option =
        word.ends_with('=') && find_option(word.substr(0, word.size() - 1)) != nullptr
            ? std::pair{std::string{word.substr(0, word.size() - 1)}, OptionValue{std::string{}}}
            : std::pair<std::string, OptionValue>{};
    if (option.first.empty()) {
        auto assigned = parse_option_assignment(word);
        if (!assigned) {
            return std::move(assigned).error();
        }
        option = std::move(*assigned);
    }
    if (!parsed.options.insert(option).second) {
        return unusable("option '" + option.first + "' is there twice; write it once");
    }
    return {};
}

} // namespace

Result<std::pair<std::string, OptionValue>> parse_option_assignment(std::string_view text)
{
    const auto equals = text.find('=');
    const auto name = text.substr(0, equals);
    const auto* option = find_option(name);
    if (option == nullptr) {
        return unusable(unknown_word("option", name, option_names()));
    }
    if (equals == std::string_view::npos) {
        return no_value(*option);
    }
    auto value = parse_option_text(*option, text.substr(equals + 1));
    if (!value) {
        return std::move(value).error();
    }
    return std::pair{std::string{name}, std::move(*value)};
}

Result<PolicyText> parse_policy_text(std::string_view text)
{
    PolicyText parsed;
    for (auto word = take_word(text); !word.empty(); word = take_word(text)) {
        if (word.find('=') != std::string_view::npos) {
            if (auto added = add_option(parsed, word); !added) {
                return std::move(added).error();
            }
        } else if (const auto* option = find_option(word); option != nullptr) {
            return no_value(*option);
        } else if (!parsed.policy.empty()) {
            return unusable(in_quotes(parsed.policy) + " and " + in_quotes(word) +
                            " are two policies; name one, and write options as NAME=VALUE, such as "
                            "\"dedicated smt=require\"");
        } else {
            parsed.policy = word;
        }
    }
    if (parsed.policy.empty() && parsed.options.empty()) {
        return unusable("no policy and no option is named; write a policy, options as NAME=VALUE, "
                        "or both, such as \"dedicated smt=require\"; options: " +
                        join_words(option_names()));
    }
    return parsed;
}

} // namespace virtpind
