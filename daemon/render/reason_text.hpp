// SPDX-License-Identifier: LGPL-2.1-or-later
// Reasons as sentences for people: the only place where they become text. Pure.
#pragma once

#include "common/model/reason.hpp"

#include <string>
#include <string_view>

namespace virtpind {

// "fits-one-l3".
[[nodiscard]] std::string_view to_string(ReasonCode code);

// "good", "note" or "short": as wished; worth knowing; what was asked for is missing. Of a domain
// that gets what it asks for (`satisfied`), no reason is short.
[[nodiscard]] std::string_view level_word(const Reason& reason, bool satisfied);

// The reason why a domain does not get what it asks for, of all that were found for one: the first
// that is short; if none is, the first. nullptr when there is none.
[[nodiscard]] const Reason* main_shortfall(const Reasons& reasons);

// A whole sentence, or several, printable whatever names are in it, and of bounded length.
[[nodiscard]] std::string reason_text(const Reason& reason);

// One of the table's sentences, for its tests.
[[nodiscard]] std::string fill_in(std::string_view sentence, const ReasonArguments& arguments);

} // namespace virtpind
