// SPDX-License-Identifier: LGPL-2.1-or-later
// What virtpinctl prints for programs. Members keep their names; later versions may add some. Pure.
#pragma once

#include "facts.hpp"

#include <string>
#include <vector>

namespace virtpind::client {

// An object of the service, with its guests as "guests".
[[nodiscard]] std::string snapshot_json(const Snapshot& snapshot);

// An array of guests.
[[nodiscard]] std::string guests_json(const std::vector<Guest>& guests);

// An object: "policies", "default-policy", and "options" with what each takes.
[[nodiscard]] std::string policies_json(const Service& service);

} // namespace virtpind::client
