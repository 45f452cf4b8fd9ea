// SPDX-License-Identifier: LGPL-2.1-or-later
// The note of how a domain was before, in its metadata. Pure; the text may come from anybody who
// may define a domain, on another host too.
//   <virtpind-undo:undo xmlns:virtpind-undo="https://virtpind.org/undo/1">
//     <virtpind-undo:part name="cputune/vcpupin:0-3" ours="4-7"/>
//     <virtpind-undo:part name="cputune/emulatorpin" ours="0" before="0-1"/>
//   </virtpind-undo:undo>
// `ours` is what virtpind wrote, `before` what was there; absent: nothing. The name of the
// namespace carries the version.
#pragma once

#include "common/model/domain.hpp"

#include <pugixml.hpp>

#include <optional>
#include <string>

namespace virtpind {

inline constexpr const char* undo_namespace = "https://virtpind.org/undo/1";
inline constexpr const char* undo_prefix = "virtpind-undo";

// The note of `domain`, of which `facts` were read; nullopt where there is none. What is no part of
// this very domain, or does not read as that part would, is passed over; one that is larger than
// UndoNote::read_bytes_max, or no note at all, is empty.
[[nodiscard]] std::optional<UndoNote> read_undo_note(const pugi::xml_node& domain,
                                                     const DomainFacts& facts);

// The element as virDomainSetMetadata takes it: without prefix and namespace declaration.
[[nodiscard]] std::string format_undo_note(const UndoNote& note);

// Gives `domain` that note, or none where it is empty; then <metadata> goes, too, if nothing else
// is in it. Answers whether there was anything to do.
bool write_undo_note(pugi::xml_node domain, const UndoNote& note);

} // namespace virtpind
