// SPDX-License-Identifier: LGPL-2.1-or-later
// What people write behind "set GUEST" and "plan GUEST". Pure.
#pragma once

#include "clients/bus/service_proxy.hpp"
#include "common/base/result.hpp"

#include <string>
#include <vector>

namespace virtpind::client {

// "dedicated smt=require cpus=": a policy, which is one of `policies`, options, and options that
// are taken away. Errors: invalid_policy, naming the word, what is valid and the nearest valid
// word.
[[nodiscard]] Result<PolicyChange> parse_policy_words(const std::vector<std::string>& words,
                                                      const std::vector<std::string>& policies);

// What the guest has after the change, as SetPolicy without MERGE would be asked for it. Errors: as
// above, for an option that this client does not know.
[[nodiscard]] Result<PolicyChange> merged(const Guest& guest, PolicyChange change);

// "dedicated smt=require".
[[nodiscard]] std::string change_text(const PolicyChange& change);

} // namespace virtpind::client
