// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "facts.hpp"
#include "look.hpp"

#include <string>

namespace virtpind::client {

// The policies of the service, and the options that this client knows, with their values. Pure.
[[nodiscard]] std::string render_policies(const Service& service, const Look& look);

} // namespace virtpind::client
