// SPDX-License-Identifier: LGPL-2.1-or-later
// Whether a caller's policy for a domain makes sense, before anything is changed. Main thread;
// changes nothing.
#pragma once

#include "common/model/control_port.hpp"
#include "reconciler.hpp"

namespace virtpind {

// The policy that comes of `spec` in `layer`, in place of what the domain has there now.
[[nodiscard]] Result<ResolvedPolicy> resolve_with(const Config& config, const DomainRecord& record,
                                                  const PolicySpec& spec, PolicySource layer);

// The policy that `request` sets for the domain of `record`: its own or, with MERGE, what the
// domain has in that layer with the changes of the request; nothing at all where these take away
// all that it has there. Errors: invalid_policy.
[[nodiscard]] Result<PolicySpec> requested_spec(const PolicyCatalog& catalog,
                                                const DomainRecord& record,
                                                const SetPolicyRequest& request);

// Options that are set alone, as `spec` has them, need a policy below that places the domain:
// `policy` is what comes of them. Error: invalid_policy.
[[nodiscard]] Result<void> check_effect(const PolicyCatalog& catalog, const PolicySpec& spec,
                                        const Policy& policy);

// Everything that can be known to be wrong with `request`, whose policy is `spec`. Precondition:
// its domain has a record. Errors: conflict (another generation is in force), invalid_policy,
// unsatisfiable (where the policy says fallback=fail).
[[nodiscard]] Result<void> check_request(const Reconciler& reconciler,
                                         const SetPolicyRequest& request, const PolicySpec& spec);

} // namespace virtpind
