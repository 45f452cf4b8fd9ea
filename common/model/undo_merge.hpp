// SPDX-License-Identifier: LGPL-2.1-or-later
// The before-image and the notes in a domain's metadata: merges the file on this host with the
// notes, and tells what to write to them. Pure.
#pragma once

#include "action.hpp"
#include "original_state.hpp"
#include "undo_content.hpp"

#include <optional>
#include <string_view>

namespace virtpind {

// Adds what the notes lack after `actions`; repeating it is harmless. Not for domains that are
// being reset.
void add_notes(DomainActions& actions, const ObservedDomain& seen, const BeforeImage& before,
               std::string_view boot_id);

// Removes from the metadata of a domain that is reset: its notes, and the policy of a running
// domain whose definition has none any more.
void remove_notes(DomainActions& actions, const ObservedDomain& seen, bool live_too);

// THE RULE. `known` is the file on this host, `seen` has the notes.
//  - The definition, part by part: the file decides about parts that it knows as virtpind's. Else
//    the note decides about parts that are word for word as virtpind wrote them. All other parts
//    are their owner's.
//  - The running domain: the file decides in the run that it was taken in (id and boot, and no
//    note that says otherwise), the note in any other run; parts that it does not name are their
//    owner's. Without a note, the former state of the definition decides.
//  - A file from another run, without a note, whose definition has no part of virtpind, belongs to
//    a domain that no longer exists: it is ignored.
struct KnownUndo {
    std::optional<BeforeImage> image;
    bool changed = false; // it differs from the file, or there is no file
};

[[nodiscard]] KnownUndo merge_undo(std::optional<BeforeImage> known, const ObservedDomain& seen,
                                   std::string_view boot_id);

} // namespace virtpind
