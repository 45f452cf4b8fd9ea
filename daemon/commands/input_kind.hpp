// SPDX-License-Identifier: LGPL-2.1-or-later
// Files that were given in the place of others. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace virtpind {

// What a text that is no domain definition is instead, and how that is given to `virtpind plan`;
// nullopt where that is not known.
[[nodiscard]] std::optional<std::string> instead_of_definition(std::string_view text);

// The same of a text that is no scenario.
[[nodiscard]] std::optional<std::string> instead_of_scenario(std::string_view text);

} // namespace virtpind
