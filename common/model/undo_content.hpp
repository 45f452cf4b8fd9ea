// SPDX-License-Identifier: LGPL-2.1-or-later
// What the note of a definition, or of a run, has to say, and what it says of how things were.
// Pure.
#pragma once

#include "action.hpp"
#include "original_state.hpp"
#include "undo_note.hpp"

#include <optional>
#include <vector>

namespace virtpind {

// What the definition's note has to say where the definition says `now`: the parts that are ours
// in it, as far as they fit into UndoNote::bytes_max.
[[nodiscard]] UndoNote note_of(const BeforeImage& before, const DefinitionParts& now);

// What the note of a running domain has to say that had the pins `before` and has `now`.
[[nodiscard]] UndoNote run_note(const PinSet& before, const PinSet& now);

// A running domain's pins, once `actions` are done.
[[nodiscard]] PinSet pins_after(PinSet pins, const std::vector<LiveAction>& actions);

// What the note of a run has to say that began, from this definition, while `pins` were on their
// way, and has `now`.
[[nodiscard]] UndoNote note_of_new_run(const ObservedDomain& defined, const PinSet& now,
                                       const std::vector<LiveAction>& pins);

// Whether `note` says all that `wanted` says.
[[nodiscard]] bool covers(const std::optional<UndoNote>& note, const UndoNote& wanted);

// `note`, with what `former` says the same parts were written as besides.
[[nodiscard]] UndoNote with_former(UndoNote note, const UndoNote& former);

// Those of the note that `now` has as virtpind wrote them.
[[nodiscard]] DefinitionParts in_force(const UndoNote& note, const DefinitionParts& now);

// The pins that a domain had before, which has `now` and this note of them: of parts `only`, or of
// all that are in force, or of all that are named.
[[nodiscard]] PinSet pins_before(const PinSet& now, const UndoNote& note,
                                 const DefinitionParts& only);
[[nodiscard]] PinSet pins_before(const PinSet& now, const UndoNote& note);
[[nodiscard]] PinSet pins_before_run(const PinSet& now, const UndoNote& note);

} // namespace virtpind
