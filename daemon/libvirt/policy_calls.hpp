// SPDX-License-Identifier: LGPL-2.1-or-later
// The policy in a domain's metadata. Worker thread.
#pragma once

#include "common/model/policy.hpp"
#include "connection.hpp"

#include <optional>
#include <string>

namespace virtpind {

// Into the definition or the running domain, as libvirt's `flags` say; none removes it.
[[nodiscard]] Result<void>
set_policy_element(virDomainPtr domain, const std::optional<std::string>& element, unsigned flags);

// Writes (or removes) the policy element: first into the definition, then into the running domain,
// of whichever there is. Error partially_applied: the definition has it, the running domain not.
[[nodiscard]] Result<void> write_policy(const VirtConnection& connection, const DomainUuid& uuid,
                                        const std::optional<PolicySpec>& policy);

} // namespace virtpind
