// SPDX-License-Identifier: LGPL-2.1-or-later
// Reasons as sentences for people: the only place where they become text. Pure.
#pragma once

#include "common/model/reason.hpp"

#include <string>
#include <string_view>

namespace virtpind {

// "fits-one-l3".
[[nodiscard]] std::string_view to_string(ReasonCode code);

// A whole sentence, or several, printable whatever names are in it, and of bounded length.
[[nodiscard]] std::string reason_text(const Reason& reason);

// One of the table's sentences, for its tests.
[[nodiscard]] std::string fill_in(std::string_view sentence, const ReasonArguments& arguments);

} // namespace virtpind
