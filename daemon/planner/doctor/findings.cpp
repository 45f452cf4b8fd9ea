// SPDX-License-Identifier: LGPL-2.1-or-later
#include "findings.hpp"

#include "common/base/messages.hpp"
#include "common/base/printable.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

namespace virtpind {

namespace {

// The guest's name as a shell takes it.
std::string shell_word(const std::string& name)
{
    constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                       "0123456789._-";
    if (!name.empty() && name.front() != '-' &&
        name.find_first_not_of(plain) == std::string::npos) {
        return name;
    }
    std::string quoted = "'";
    for (const auto sign : name) {
        quoted += sign == '\'' ? std::string{"'\\''"} : std::string{sign};
    }
    return quoted + "'";
}

std::string with_guest(std::string text, const std::string& guest)
{
    constexpr std::string_view placeholder = "GUEST";
    if (const auto at = text.find(placeholder); at != std::string::npos) {
        text.replace(at, placeholder.size(), shell_word(guest));
    }
    return text;
}

// What SetPolicy is asked to do, as virtpinctl takes it. A policy that the guest has stays; then a
// fix without options would change nothing.
std::string command_of(std::optional<PolicyFix>& fix, const std::string& policy)
{
    if (!policy.empty()) {
        fix->policy = policy;
        if (fix->options.empty()) {
            fix.reset();
            return "virtpinctl explain GUEST";
        }
    }
    auto command = "virtpinctl set GUEST " + fix->policy;
    for (const auto& [name, value] : fix->options) {
        command += " " + name + "=" + option_text(value);
    }
    return command;
}

std::string set_text(std::string_view noun, const std::string& list, std::size_t count)
{
    return std::string{noun} + (count == 1 ? " " : "s ") + list;
}

} // namespace

Findings::Findings(std::string guest, std::string policy)
    : guest_{std::move(guest)}, policy_{std::move(policy)}
{}

void Findings::add(Check check, Said said)
{
    const auto& info = info_of(check);
    const auto or_else = [](std::string text, std::string_view other) {
        return text.empty() ? std::string{other} : std::move(text);
    };
    if (said.automatic) {
        said.fix = command_of(said.automatic, policy_);
    }
    findings_.push_back(
        {.check = check,
         .severity = said.severity.value_or(info.severity),
         .guest = guest_,
         .evidence = or_else(std::move(said.evidence), info.about),
         .why = or_else(std::move(said.why), info.why),
         .fix = with_guest(or_else(std::move(said.fix), info.fix), printable(guest_)),
         .automatic = std::move(said.automatic)});
}

void Findings::not_measured(Check check, std::string reason)
{
    not_measured_.push_back({.check = check, .guest = guest_, .reason = std::move(reason)});
}

void Findings::move_into(Diagnosis& diagnosis)
{
    std::stable_sort(findings_.begin(), findings_.end(), [](const Finding& a, const Finding& b) {
        return std::pair{a.severity, a.check} < std::pair{b.severity, b.check};
    });
    std::move(findings_.begin(), findings_.end(), std::back_inserter(diagnosis.findings));
    std::move(not_measured_.begin(), not_measured_.end(),
              std::back_inserter(diagnosis.not_measured));
    findings_.clear();
    not_measured_.clear();
}

PolicyFix dedicated_fix()
{
    return {.policy = "dedicated", .options = {}};
}

PolicyFix dedicated_fix(const std::string& option, OptionValue value)
{
    return {.policy = "dedicated", .options = {{option, std::move(value)}}};
}

PolicyFix tune_fix(const std::string& option, OptionValue value)
{
    auto fix = dedicated_fix(option, std::move(value));
    fix.from_next_start = true;
    return fix;
}

std::string some_of(const std::vector<std::string>& words, std::size_t shown_max)
{
    std::string text;
    for (std::size_t i = 0; i < std::min(words.size(), shown_max); ++i) {
        text += (i == 0 ? "" : ", ") + words[i];
    }
    return words.size() > shown_max
               ? text + " and " + std::to_string(words.size() - shown_max) + " more"
               : text;
}

std::string cpus_text(const CpuSet& cpus)
{
    return set_text("CPU", cpus.str(), cpus.size());
}

std::string vcpus_text(const VcpuSet& vcpus)
{
    return set_text("vCPU", vcpus.str(), vcpus.size());
}

} // namespace virtpind
