// SPDX-License-Identifier: LGPL-2.1-or-later
// The before-image and the notes in a domain's metadata: what is known when the file on this host
// and the notes are taken together, and what of them is to be written. Pure.
#pragma once

#include "action.hpp"
#include "original_state.hpp"
#include "undo_content.hpp"

#include <optional>
#include <string_view>

namespace virtpind {

// What of the notes is missing once `actions` are done is added to them; again is no harm. Not for
// domains that are given back.
void add_notes(DomainActions& actions, const ObservedDomain& seen, const BeforeImage& before,
               std::string_view boot_id);

// What is to be taken out of the metadata of a domain that is given back: its notes, and the policy
// of a running domain whose definition has none any more.
void remove_notes(DomainActions& actions, const ObservedDomain& seen, bool live_too);

// THE RULE. `known` is what the file on this host says, `seen` has the notes.
//  - The definition, part by part: what the file knows as ours is the file's to say. Else what a
//    note says is ours, and is so word for word, was before as the note says. Else it is its
//    owner's.
//  - The running domain: the file's, of the run that it was taken in (id and boot). Of any other
//    run, the note's; parts that it does not name are their owner's. Without one, what its
//    definition was before.
//  - A file that was taken in another run, where nothing of the definition is ours and there is no
//    note, is of a domain that is no more: it says nothing.
struct KnownUndo {
    std::optional<BeforeImage> image;
    bool changed = false; // it is not as the file says, or there is no file
};

[[nodiscard]] KnownUndo merge_undo(std::optional<BeforeImage> known, const ObservedDomain& seen,
                                   std::string_view boot_id);

} // namespace virtpind
