// SPDX-License-Identifier: LGPL-2.1-or-later
#include "policy_words.hpp"

#include "clients/view/guest_state.hpp"
#include "common/base/messages.hpp"
#include "common/model/policy_options.hpp"
#include "common/model/policy_text.hpp"

#include <algorithm>
#include <string_view>
#include <variant>

namespace virtpind::client {

namespace {

bool takes_away(const OptionValue& value)
{
    const auto* text = std::get_if<std::string>(&value);
    return text != nullptr && text->empty();
}

// What a change is made in.
std::string_view layer_of(const PolicyChange& change)
{
    return change.runtime_only ? "bus" : "metadata";
}

// What to type to have this alone, without anything that is kept.
std::string replacing_words(const PolicyChange& change)
{
    auto text = change.policy.empty() ? std::string{"POLICY"} : change.policy;
    for (const auto& [name, value] : change.options) {
        text += takes_away(value) ? "" : " " + shell_word(name + "=" + option_text(value));
    }
    return text;
}

Error nothing_of_its_own(const Guest& guest, const PolicyChange& change)
{
    return {.code = Errc::invalid_policy,
            .message = "nothing is set for " + in_quotes(guest.name) + " itself" +
                       (change.runtime_only ? " by set --runtime" : "") +
                       ", so --clear drops nothing; name a policy (virtpinctl policies)"};
}

} // namespace

Result<PolicyChange> parse_policy_words(const std::vector<std::string>& words,
                                        const std::vector<std::string>& policies)
{
    if (words.empty()) {
        return PolicyChange{};
    }
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

Result<PolicyChange> completed(const Guest& guest, PolicyChange change)
{
    const auto replaces = change.clear && !change.policy.empty() && !change.runtime_only;
    if (own_policy(guest, "unreadable") && !replaces) {
        return Error{.code = Errc::invalid_policy,
                     .message = "the policy in the metadata of " + in_quotes(guest.name) +
                                " cannot be read, so nothing can be kept of it: " +
                                unreadable_policy_steps(guest, replacing_words(change))};
    }
    if (!change.clear || !change.policy.empty()) {
        return change;
    }
    if (!guest.own) { // the service does not tell what is of the guest itself
        change.policy = guest.policy;
        return change;
    }
    const auto own = own_policy(guest, layer_of(change));
    if (!own) {
        return nothing_of_its_own(guest, change);
    }
    for (const auto& [name, value] : own->options) {
        change.options.emplace(name, std::string{}); // which takes it away, if it is not named
    }
    change.clear = false;
    return change;
}

std::string merged_text(const Guest& guest, const PolicyChange& change)
{
    const auto own = own_policy(guest, layer_of(change)).value_or(OwnPolicy{});
    const auto policy = !change.policy.empty() ? change.policy
                        : !own.policy.empty()  ? own.policy
                                               : guest.policy;
    const auto keeps = !change.clear && change.policy != "none";
    auto options = keeps ? own.options : std::map<std::string, std::string>{};
    for (const auto& [name, value] : change.options) {
        options[name] = option_text(value);
        if (takes_away(value)) {
            options.erase(name);
        }
    }
    return policy_text({.policy = policy, .options = options});
}

std::string change_text(const PolicyChange& change)
{
    std::string text = change.policy;
    for (const auto& [name, value] : change.options) {
        text += (text.empty() ? "" : " ") + name + "=" + option_text(value);
    }
    return text;
}

bool keeps_options(const Guest& before, const PolicyChange& change, const Guest& after)
{
    const auto had = own_policy(before, layer_of(change)).value_or(OwnPolicy{}).options;
    const auto has = own_policy(after, layer_of(change)).value_or(OwnPolicy{}).options;
    return !change.clear && std::any_of(had.begin(), had.end(), [&](const auto& option) {
        return change.options.count(option.first) == 0 && has.count(option.first) > 0;
    });
}

std::string undo_command(const Guest& before)
{
    const auto set_again = [&](const OwnPolicy& own) {
        auto words = own.policy.empty() ? std::string{} : " " + own.policy;
        for (const auto& [option, value] : own.options) {
            words += " " + shell_word(option + "=" + value);
        }
        return "virtpinctl set " + guest_word(before) + words +
               (own.policy.empty() ? "" : " --clear") + (own.source == "bus" ? " --runtime" : "");
    };
    const auto stored = own_policy(before, "metadata");
    const auto replaces = stored && !stored->policy.empty();
    auto commands = replaces ? "" : "virtpinctl reset " + guest_word(before);
    for (const auto& own : {stored, own_policy(before, "bus")}) {
        if (own) {
            commands += (commands.empty() ? "" : " && ") + set_again(*own);
        }
    }
    return commands;
}

} // namespace virtpind::client
