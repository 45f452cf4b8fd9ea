// SPDX-License-Identifier: LGPL-2.1-or-later
// What people write behind "set GUEST" and "plan GUEST". Pure.
#pragma once

#include "clients/bus/service_proxy.hpp"
#include "common/base/result.hpp"

#include <string>
#include <vector>

namespace virtpind::client {

// "dedicated smt=require cpus=": a policy, which is one of `policies`, options, and options that
// are taken away. Without words, nothing is changed. Errors: invalid_policy, naming the word, what
// is valid and the nearest valid word.
[[nodiscard]] Result<PolicyChange> parse_policy_words(const std::vector<std::string>& words,
                                                      const std::vector<std::string>& policies);

// The change as the service is to be asked for it: --clear without a policy takes the options away
// that are not named. Error: invalid_policy, where there is nothing to keep, or nobody can tell
// what.
[[nodiscard]] Result<PolicyChange> completed(const Guest& guest, PolicyChange change);

// "dedicated smt=require": what is set for the guest itself after a change that is completed, with
// the policy that it then has.
[[nodiscard]] std::string merged_text(const Guest& guest, const PolicyChange& change);

// Whether options stayed that were set for the guest itself, so that --clear would have dropped
// them. `after` has the change, which is completed.
[[nodiscard]] bool keeps_options(const Guest& before, const PolicyChange& change,
                                 const Guest& after);

// The command that gives a guest what `before` has after set has given it something else.
[[nodiscard]] std::string undo_command(const Guest& before);

// "dedicated smt=require".
[[nodiscard]] std::string change_text(const PolicyChange& change);

} // namespace virtpind::client
