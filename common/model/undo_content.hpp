// SPDX-License-Identifier: LGPL-2.1-or-later
// The contents of the notes of a definition and of a run, and the former state that they tell.
// Pure.
#pragma once

#include "action.hpp"
#include "original_state.hpp"
#include "undo_note.hpp"

#include <optional>
#include <vector>

namespace virtpind {

// The note for the definition `now`: virtpind's parts in it, as far as they fit into
// UndoNote::bytes_max.
[[nodiscard]] UndoNote note_of(const BeforeImage& before, const DefinitionParts& now);

// The note for a running domain that had the pins `before` and has `now`.
[[nodiscard]] UndoNote run_note(const PinSet& before, const PinSet& now);

// A running domain's pins after `actions`.
[[nodiscard]] PinSet pins_after(PinSet pins, const std::vector<LiveAction>& actions);

// The note of a run that started from this definition while `pins` were being written, and has
// `now`.
[[nodiscard]] UndoNote note_of_new_run(const ObservedDomain& defined, const PinSet& now,
                                       const std::vector<LiveAction>& pins);

// Whether `note` contains all of `wanted`.
[[nodiscard]] bool covers(const std::optional<UndoNote>& note, const UndoNote& wanted);

// `note`, with the other written values of the same parts from `former`.
[[nodiscard]] UndoNote with_former(UndoNote note, const UndoNote& former);

// The parts of the note that `now` has as virtpind wrote them.
[[nodiscard]] DefinitionParts in_force(const UndoNote& note, const DefinitionParts& now);

// The former pins of a domain that has `now` and this note: of the parts `only`, of all that are in
// force, or of all that are named.
[[nodiscard]] PinSet pins_before(const PinSet& now, const UndoNote& note,
                                 const DefinitionParts& only);
[[nodiscard]] PinSet pins_before(const PinSet& now, const UndoNote& note);
[[nodiscard]] PinSet pins_before_run(const PinSet& now, const UndoNote& note);

} // namespace virtpind
