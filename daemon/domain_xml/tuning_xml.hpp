// SPDX-License-Identifier: LGPL-2.1-or-later
// The guest's CPUs in a persistent definition: <vcpu>, <vcpus>, <cpu> and <os><smbios>. Pure.
#pragma once

#include "common/base/result.hpp"
#include "common/model/action.hpp"
#include "common/model/guest_tuning.hpp"

#include <pugixml.hpp>

#include <string>
#include <string_view>

namespace virtpind::host {

// `text` with the tuning made, pins included. What already says what it should is not touched, and
// where nothing has to change (is_tuned) the answer is `text` itself, byte for byte. A CPU mode
// that cannot carry a tune gives way to host-passthrough.
// Errors: those of parse_domain_xml() and edit_definition(), and invalid_argument where the result
// would not read back as what was wanted.
[[nodiscard]] Result<std::string> apply_tuning(std::string_view text, const GuestTuning& tuning);

// `text` with all of `change` made: parts put back, pins, tuning; byte for byte itself where it
// says all that already. Errors as above.
[[nodiscard]] Result<std::string> edit_definition_and_tune(std::string_view text,
                                                           const DefinitionChange& change);

} // namespace virtpind::host
