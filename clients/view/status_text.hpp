// SPDX-License-Identifier: LGPL-2.1-or-later
// The service and its guests at a glance, and one guest in detail. Pure.
#pragma once

#include "facts.hpp"
#include "look.hpp"

#include <string>

namespace virtpind::client {

// The service's line, a table of the guests, and what is not as asked.
[[nodiscard]] std::string render_status(const Snapshot& snapshot, const Look& look);

// The table alone.
[[nodiscard]] std::string render_guests(const std::vector<Guest>& guests, const Look& look);

// Everything about one guest.
[[nodiscard]] std::string render_guest(const Guest& guest, const Look& look);

} // namespace virtpind::client
