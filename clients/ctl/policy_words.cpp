// SPDX-License-Identifier: LGPL-2.1-or-later
#include "policy_words.hpp"

#include "clients/view/guest_state.hpp"
#include "common/base/messages.hpp"
#include "common/model/policy_options.hpp"
#include "common/model/policy_text.hpp"

#include <algorithm>
#include <variant>

namespace virtpind::client {

namespace {

bool takes_away(const OptionValue& value)
{
    const auto* text = std::get_if<std::string>(&value);
    return text != nullptr && text->empty();
}

} // namespace

Result<PolicyChange> parse_policy_words(const std::vector<std::string>& words,
                                        const std::vector<std::string>& policies)
{
    std::string line;
    for (const auto& word : words) {
        line += (line.empty() ? "" : " ") + word;
    }
    auto text = parse_policy_text(line);
    if (!text) {
        return std::move(text).error();
    }
    const Words known{policies.begin(), policies.end()};
    if (!text->policy.empty() &&
        std::find(known.begin(), known.end(), text->policy) == known.end()) {
        const auto hint = find_option(text->policy) != nullptr
                              ? "; the option is written " + text->policy + "=VALUE"
                              : std::string{};
        return Error{.code = Errc::invalid_policy,
                     .message = unknown_word("policy", text->policy, known) + hint};
    }
    return PolicyChange{.policy = std::move(text->policy), .options = std::move(text->options)};
}

Result<PolicyChange> merged(const Guest& guest, PolicyChange change)
{
    if (change.policy.empty()) {
        change.policy = guest.policy;
    }
    const auto keeps = !change.clear && change.policy != "none" && has_own_policy(guest);
    for (const auto& [name, text] : guest.options) {
        if (!keeps || change.options.count(name) > 0) {
            continue;
        }
        const auto* option = find_option(name);
        auto value = option != nullptr
                         ? parse_option_text(*option, text)
                         : Result<OptionValue>{
                               Error{.code = Errc::invalid_policy,
                                     .message = "the guest has the option " + in_quotes(name) +
                                                ", which this virtpinctl does not know"}};
        if (!value) {
            return std::move(value).error();
        }
        change.options.emplace(name, std::move(*value));
    }
    std::erase_if(change.options, [](const auto& option) { return takes_away(option.second); });
    return change;
}

std::string change_text(const PolicyChange& change)
{
    std::string text = change.policy;
    for (const auto& [name, value] : change.options) {
        text += (text.empty() ? "" : " ") + name + "=" + option_text(value);
    }
    return text;
}

} // namespace virtpind::client
