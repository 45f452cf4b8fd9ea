// SPDX-License-Identifier: LGPL-2.1-or-later
// What everybody may see of a definition. Pure.
#pragma once

#include <pugixml.hpp>

#include <string>

namespace virtpind {

// Only the elements and attributes of `domain` that virtpind writes, whatever else it has: by name,
// not by difference, so that nothing comes along. An element per line.
[[nodiscard]] std::string own_elements(const pugi::xml_node& domain);

} // namespace virtpind
