// SPDX-License-Identifier: LGPL-2.1-or-later
// What a running domain's metadata says of how it was before: its note and its policy. A domain may
// be restarted at any time, and then a call meets the run that came next.
#pragma once

#include "common/model/action.hpp"
#include "domain_calls.hpp"

namespace virtpind {

// Before the pins are changed, that they are ours.
[[nodiscard]] Next note_run(const VirtConnection& connection, virDomainPtr domain,
                            const DomainActions& actions, Outcome& outcome);

// After they were changed, what of them another run got that began meanwhile.
[[nodiscard]] Next note_other_run(const VirtConnection& connection, const DomainActions& actions,
                                  Outcome& outcome);

// When all of them are given back, that none is.
[[nodiscard]] Next forget_run(const VirtConnection& connection, virDomainPtr domain,
                              const DomainActions& actions, Outcome& outcome);

} // namespace virtpind
