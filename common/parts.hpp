// SPDX-License-Identifier: LGPL-2.1-or-later
// Parts of definitions, by name; see DefinitionParts.
#pragma once

#include "domain.hpp"

#include <initializer_list>
#include <set>
#include <string>

namespace virtpind {

inline constexpr const char* numatune_part = "numatune";
inline constexpr const char* iothreadids_part = "iothreadids";

// "" where it is not there; and the other way round.
[[nodiscard]] const std::string& value_of(const DefinitionParts& parts, const std::string& name);
void set_value(DefinitionParts& parts, const std::string& name, const std::string& value);

[[nodiscard]] std::set<std::string> names_in(std::initializer_list<const DefinitionParts*> all);

} // namespace virtpind
