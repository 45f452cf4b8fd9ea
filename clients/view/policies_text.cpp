// SPDX-License-Identifier: LGPL-2.1-or-later
#include "policies_text.hpp"

#include "cells.hpp"
#include "common/base/messages.hpp"
#include "common/model/policy_options.hpp"
#include "table.hpp"

#include <array>

namespace virtpind::client {

namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 5> built_in{{
    {"none", "the guest is left alone"},
    {"shared", "all CPUs that nobody has claimed and that are not kept for the host"},
    {"dedicated", "CPUs of its own, near each other, SMT siblings in pairs"},
    {"passthrough", "dedicated on whole cores, and the guest sees the topology of its CPUs"},
    {"auto", "dedicated with passed-through PCI devices, else shared"},
}};

std::string meaning_of(const std::string& policy)
{
    for (const auto& [name, meaning] : built_in) {
        if (policy == name) {
            return std::string{meaning};
        }
    }
    return "of the configuration";
}

std::string values_text(const OptionInfo& option)
{
    std::string text;
    for (const auto value : option.values) {
        text += (text.empty() ? "" : "|") + std::string{value};
    }
    if (!option.free_form.empty()) {
        text += (text.empty() ? "" : "|") + std::string{option.free_form};
    }
    return text.empty() ? "text" : text;
}

} // namespace

std::string render_policies(const Service& service, const Look& look)
{
    std::vector<std::vector<Cell>> policies;
    for (const auto& name : service.policies) {
        const auto is_default = name == service.default_policy ? " (default)" : "";
        policies.push_back({{name}, {meaning_of(name) + is_default}});
    }
    std::vector<std::vector<Cell>> options;
    for (const auto& option : option_table()) {
        options.push_back(
            {{std::string{option.name}}, {values_text(option)}, {std::string{option.meaning}}});
    }
    auto text = render_table({{.title = "POLICY"}, {.title = "MEANING", .rank = 1, .least = 16}},
                             policies, look);
    text += "\n" + render_table({{.title = "OPTION"},
                                 {.title = "VALUES", .rank = 2, .least = 14},
                                 {.title = "MEANING", .rank = 1, .least = 20}},
                                options, look);
    return text +
           (look.legend
                ? "\n" + paragraph("", "  ", "virtpind.json(5) has all of them in detail.", look)
                : "");
}

} // namespace virtpind::client
