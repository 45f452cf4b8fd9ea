// SPDX-License-Identifier: LGPL-2.1-or-later
// Changing the persistent definition of a domain. Worker thread.
#pragma once

#include "common/model/action.hpp"
#include "common/model/libvirt_port.hpp"
#include "connection.hpp"

#include <cstddef>
#include <functional>
#include <optional>

namespace virtpind::host {

// libvirt's check against its schema takes time that grows with the square of the size (75 ms for
// 64 KiB, 6 s for a megabyte), and every other guest waits meanwhile. Longer definitions are
// written without: they came from libvirt, and the check is only one more net under our few
// elements.
inline constexpr std::size_t validated_bytes_max = 65'536;

struct DefinitionOutcome {
    // `unchanged`: writing it would alter nothing. `edited`: it says something else than what the
    // change was planned on, or is no more, and was left as it is. `gone`: so is the domain.
    enum class What { unchanged, written, edited, gone } what = What::unchanged;
    DefinitionParts meant; // of what was written,
    bool whole = false;    // and whether all of the definition was, not only some pins
};

// Writes only what differs; a definition that already says so is not written again (libvirt would
// send an event for that, and the caller would come back), nor is one that libvirt would only turn
// into what it is, as `last` tells: what it made of the last one. Nothing that somebody else
// changes meanwhile is lost: see virt_definition.cpp.
// `note` is told what it says and what it is about to say, before; nothing is written when that
// fails. It answers what is to be noted in the metadata beside it, if anything.
using NoteDefinition = std::function<Result<std::optional<UndoNote>>(const ObservedDomain& now,
                                                                     const DefinitionParts& next)>;
[[nodiscard]] Result<DefinitionOutcome>
change_definition(const VirtConnection& connection, virDomainPtr domain,
                  const DefinitionChange& change, const std::optional<DefinitionWrite>& last,
                  const NoteDefinition& note);

// Puts the note into the metadata of the definition or of the running domain (`flags`), in place of
// what is there; an empty one is taken out.
[[nodiscard]] Result<void> write_note(virDomainPtr domain, const UndoNote& note, unsigned flags);

// Takes <metadata/> out of the definition, unless somebody edits it at the same time. Best effort:
// the element says nothing.
void drop_empty_metadata(const VirtConnection& connection, virDomainPtr domain);

// What `change` would make of the definition; without its secrets, as much of it as `scope` says.
[[nodiscard]] Result<DefinitionPreview> preview_definition(const VirtConnection& connection,
                                                           const DomainUuid& uuid,
                                                           const DefinitionChange& change,
                                                           DefinitionScope scope);

} // namespace virtpind::host
