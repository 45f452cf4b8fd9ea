// SPDX-License-Identifier: LGPL-2.1-or-later
// Making it so: live actions, the definition, metadata; and reading back. Worker thread.
#pragma once

#include "common/model/action.hpp"
#include "common/model/policy.hpp"
#include "connection.hpp"
#include "daemon/state/state_store.hpp"
#include "definition_writer.hpp"

#include <optional>

namespace virtpind {

// Live actions in order, then the definition, then one reading back. What libvirt refuses becomes
// an error of the outcome and the rest is still tried, unless the connection is what failed.
[[nodiscard]] Outcome apply_actions(const VirtConnection& connection, const PolicyCatalog& catalog,
                                    const DomainActions& actions, const NoteDefinition& note);

// The same, with what is written into the definition noted in the domain's before-image first.
[[nodiscard]] Outcome apply_with_undo_log(const VirtConnection& connection,
                                          const PolicyCatalog& catalog, StateStore& store,
                                          const DomainActions& actions);

} // namespace virtpind
