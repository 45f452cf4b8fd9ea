// SPDX-License-Identifier: LGPL-2.1-or-later
#include "guest_state.hpp"

#include "common/base/uuid.hpp"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace virtpind::client {

namespace {

// A policy `shared` says so itself where the service is too old to tell the placement.
bool floats(const Guest& guest)
{
    static constexpr std::string_view floating[]{"pool", "housekeeping", "claimed", "isolated",
                                                 "all"};
    if (guest.placement.empty()) {
        return guest.policy == "shared";
    }
    return std::find(std::begin(floating), std::end(floating), guest.placement) !=
           std::end(floating);
}

GuestState idle_state(const Guest& guest)
{
    if (guest.run_state == "shutoff") {
        return {Mark::off, "off"};
    }
    if (guest.run_state != "running" && guest.run_state != "paused") {
        return {Mark::off, guest.run_state};
    }
    return guest.policy == "none" ? GuestState{Mark::off, "left alone"}
                                  : GuestState{Mark::busy, "waits"};
}

} // namespace

GuestState state_of(const Guest& guest)
{
    const auto& pins = guest.pin_state;
    if (pins == "failed") {
        return {Mark::failed, "failed"};
    }
    if (pins == "partial") {
        return {Mark::failed, "partly pinned"};
    }
    if (pins == "held") {
        return {Mark::held, "held"};
    }
    if (pins == "foreign") {
        return {Mark::foreign, "foreign"};
    }
    if (pins == "applying") {
        return {Mark::busy, "applying"};
    }
    if (pins == "idle") {
        return idle_state(guest);
    }
    if (pins != "pinned") { // a word of a later service
        return {Mark::off, pins};
    }
    return {guest.satisfied.value_or(true) ? Mark::good : Mark::shortfall,
            floats(guest) ? "floats" : "pinned"};
}

bool is_as_asked(const Guest& guest)
{
    if (guest.pin_state == "failed" || guest.pin_state == "partial") {
        return false;
    }
    return guest.satisfied.value_or(true);
}

std::string why_not(const Guest& guest)
{
    if (!guest.last_error.text.empty()) {
        return guest.last_error.text;
    }
    return guest.shortfall.text;
}

std::vector<OwnPolicy> own_policies(const Guest& guest)
{
    if (guest.own) {
        return *guest.own;
    }
    const auto is_own = guest.policy_source == "metadata" || guest.policy_source == "bus";
    if (!is_own) {
        return {};
    }
    return {
        OwnPolicy{.source = guest.policy_source, .policy = guest.policy, .options = guest.options}};
}

std::optional<OwnPolicy> own_policy(const Guest& guest, std::string_view source)
{
    const auto all = own_policies(guest);
    const auto at = std::find_if(all.begin(), all.end(),
                                 [&](const OwnPolicy& own) { return own.source == source; });
    return at != all.end() ? std::optional{*at} : std::nullopt;
}

std::string unreadable_policy_steps(const Guest& guest, const std::string& words)
{
    const auto name = guest_word(guest);
    return "virtpinctl set " + name + " " + words +
           " --clear puts another in its place, virtpinctl reset " + name + " takes it back";
}

std::string options_text(const Guest& guest)
{
    std::string text;
    for (const auto& [name, value] : guest.options) {
        text += (text.empty() ? "" : " ") + name + "=" + value;
    }
    return text;
}

std::string policy_text(const Guest& guest)
{
    const auto options = options_text(guest);
    return guest.policy + (options.empty() ? "" : " " + options);
}

std::string place_text(const Guest& guest)
{
    const auto word = state_of(guest).word;
    const auto cpus = guest.vcpu_cpus();
    const auto on_cpus = word == "pinned" || word == "floats" || word == "partly pinned";
    return on_cpus && !cpus.empty() ? word + " on " + cpus.str() : word;
}

std::string state_sentence(const Guest& guest)
{
    const auto word = state_of(guest).word;
    const auto is_verb = word == "floats" || word == "waits";
    return (is_verb ? "It " : word == "failed" ? "It has " : "It is ") + place_text(guest) + ".";
}

std::string cpus_text(const CpuSet& cpus)
{
    return cpus.empty() ? "(none)" : cpus.str();
}

std::string shell_word(const std::string& text)
{
    static constexpr std::string_view plain = "-_./:=,@%+";
    const auto needs_none = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
               plain.find(c) != std::string_view::npos;
    });
    if (needs_none) {
        return text;
    }
    std::string quoted = "'";
    for (const auto c : text) {
        quoted += c == '\'' ? std::string{"'\\''"} : std::string{c};
    }
    return quoted + "'";
}

std::string guest_argument(const Guest& guest)
{
    const auto is_misread = guest.name.rfind('-', 0) == 0 || parse_uuid(guest.name).has_value();
    return is_misread && !guest.uuid.empty() ? guest.uuid : guest.name;
}

std::string guest_word(const Guest& guest)
{
    return shell_word(guest_argument(guest));
}

} // namespace virtpind::client
