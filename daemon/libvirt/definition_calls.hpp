// SPDX-License-Identifier: LGPL-2.1-or-later
// Reading and writing the persistent definition of a domain: the calls, and what comes of each.
// Worker thread.
#pragma once

#include "common/base/result.hpp"
#include "common/model/action.hpp"
#include "connection.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace virtpind {

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

// With its passwords: without SECURE, defining it again would lose them.
[[nodiscard]] Result<std::string> read_definition(virDomainPtr domain);

// Whether the definition is there still: that of a running domain may be undefined at any time, and
// defining it again would bring it back. What is read then is the running domain.
[[nodiscard]] bool is_defined(virDomainPtr domain);

// Puts the note into the metadata of the definition or of the running domain (`flags`), in place of
// what is there; an empty one is taken out.
[[nodiscard]] Result<void> write_note(virDomainPtr domain, const UndoNote& note, unsigned flags);

// Changes single pins. The note goes first: what is ours must be known as ours, whenever we die.
[[nodiscard]] Result<void> pin_in_definition(virDomainPtr domain,
                                             const std::vector<PinAction>& pins,
                                             const std::optional<UndoNote>& note);

// A definition of a domain named `was_named` could not be changed: because it is no more, or has
// another name, or for `error`.
[[nodiscard]] Result<DefinitionOutcome> explain_failure(const VirtConnection& connection,
                                                        virDomainPtr domain,
                                                        const std::string& was_named, Error error);

// Writes `text`, which says `says`. Precondition: the watch has begun, and the definition was still
// as it was read after that.
[[nodiscard]] Result<DefinitionOutcome> replace_definition(const VirtConnection& connection,
                                                           virDomainPtr domain,
                                                           const std::string& was_named,
                                                           const std::string& text,
                                                           const DefinitionParts& says);

} // namespace virtpind
