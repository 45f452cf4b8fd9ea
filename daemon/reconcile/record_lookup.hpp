// SPDX-License-Identifier: LGPL-2.1-or-later
// The record that a caller on the bus means, or the error that says why the caller cannot have it.
// Main thread.
#pragma once

#include "common/base/result.hpp"
#include "reconciler.hpp"

#include <string_view>

namespace virtpind {

// As ControlPort::find_domain().
[[nodiscard]] Result<DomainUuid> find_domain(const Reconciler& reconciler,
                                             std::string_view name_or_uuid);

// Errors: host_unavailable, not_found.
[[nodiscard]] Result<const DomainRecord*> record_of(const Reconciler& reconciler,
                                                    const DomainUuid& uuid);

// The same, and limits_exceeded where no slot is free for the pass that is to follow.
[[nodiscard]] Result<const DomainRecord*> record_to_change(const Reconciler& reconciler,
                                                           const DomainUuid& uuid);

// The same, and limits_exceeded where its definition is longer than what is changed.
[[nodiscard]] Result<const DomainRecord*> record_to_pin(const Reconciler& reconciler,
                                                        const DomainUuid& uuid);

// That last check by itself.
[[nodiscard]] Result<void> check_definition_size(const DomainRecord& record);

} // namespace virtpind
