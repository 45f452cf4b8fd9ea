// SPDX-License-Identifier: LGPL-2.1-or-later
// Policies as one line of text: "dedicated smt=require". Pure.
#pragma once

#include "common/base/result.hpp"
#include "policy_options.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace virtpind {

// "smt=require", as --option of virtpind-plan(1) has it. Error: invalid_policy, which names the
// word and what is valid.
[[nodiscard]] Result<std::pair<std::string, OptionValue>>
parse_option_assignment(std::string_view text);

struct PolicyText {
    std::string policy; // not checked against any catalog; empty: none is named
    OptionMap options;  // valid, or the empty string: the option is taken away ("smt=")
};

// A policy, options, or both, with blanks between them and in any order; each option once. Error:
// invalid_policy.
[[nodiscard]] Result<PolicyText> parse_policy_text(std::string_view text);

} // namespace virtpind
