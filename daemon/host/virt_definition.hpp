// SPDX-License-Identifier: LGPL-2.1-or-later
// Changing the persistent definition of a domain. Worker thread.
#pragma once

#include "common/action.hpp"
#include "virt_connection.hpp"

namespace virtpind::host {

enum class DefinitionOutcome { unchanged, written };

// Writes only what differs; a definition that already says so is not written again (libvirt would
// send an event for that, and the caller would come back). Nothing that somebody else changes
// meanwhile is lost: see virt_definition.cpp.
[[nodiscard]] Result<DefinitionOutcome> change_definition(const VirtConnection& connection,
                                                          virDomainPtr domain,
                                                          const DefinitionChange& change);

} // namespace virtpind::host
