// SPDX-License-Identifier: LGPL-2.1-or-later
// Changing the persistent definition of a domain. Worker thread.
#pragma once

#include "common/model/action.hpp"
#include "common/model/libvirt_port.hpp"
#include "connection.hpp"
#include "definition_calls.hpp"

#include <functional>
#include <optional>

namespace virtpind {

// Writes only what differs; a definition that already says so is not written again (libvirt would
// send an event for that, and the caller would come back), nor is one that libvirt would only turn
// into what it is, as `last` tells: what it made of the last one. Nothing that somebody else
// changes meanwhile is lost: see definition_writer.cpp.
// `note` is told what it says and what it is about to say, before; nothing is written when that
// fails. It answers what is to be noted in the metadata beside it, if anything.
using NoteDefinition = std::function<Result<std::optional<UndoNote>>(const ObservedDomain& now,
                                                                     const DefinitionParts& next)>;
[[nodiscard]] Result<DefinitionOutcome>
change_definition(const VirtConnection& connection, virDomainPtr domain,
                  const DefinitionChange& change, const std::optional<DefinitionWrite>& last,
                  const NoteDefinition& note);

// Takes <metadata/> out of the definition, unless somebody edits it at the same time. Best effort:
// the element says nothing.
void drop_empty_metadata(const VirtConnection& connection, virDomainPtr domain);

// What `change` would make of the definition; without its secrets, as much of it as `scope` says.
[[nodiscard]] Result<DefinitionPreview> preview_definition(const VirtConnection& connection,
                                                           const DomainUuid& uuid,
                                                           const DefinitionChange& change,
                                                           DefinitionScope scope);

} // namespace virtpind
