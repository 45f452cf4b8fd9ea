// SPDX-License-Identifier: LGPL-2.1-or-later
// A requested policy as JSON, with the same spelling in the configuration and in scenarios.
#pragma once

#include "common/base/json_reader.hpp"
#include "policy.hpp"

#include <string_view>

namespace virtpind {

// The keys of a policy object: `name_key` ("policy", "base", ...) and every option.
[[nodiscard]] Words policy_keys(std::string_view name_key);

// The options in `fields`, of the right types and with valid values.
[[nodiscard]] OptionMap read_options(JsonFields& fields);

// "dedicated", or {NAME_KEY: "dedicated", "smt": "isolate", ...}.
[[nodiscard]] Result<PolicySpec> read_policy_spec(const JsonNode& node,
                                                  const PolicyCatalog& catalog,
                                                  std::string_view name_key,
                                                  PolicyName name_needed);

} // namespace virtpind
