// SPDX-License-Identifier: LGPL-2.1-or-later
// The parts of common/model/part_table in a document, except the pins: read, and reverted. Pure.
#pragma once

#include "common/model/domain.hpp"
#include "common/model/part_table.hpp"

#include <pugixml.hpp>

#include <optional>
#include <string>

namespace virtpind {

// What a part stands in or, of an attribute, the element that has it; empty where that is missing.
[[nodiscard]] pugi::xml_node find_element(const pugi::xml_node& domain, const PartRow& row);

// In the normal form of DefinitionParts; nothing where it is not there.
[[nodiscard]] std::optional<std::string> read_part(const pugi::xml_node& domain,
                                                   const PartRow& row);

// Without those of the pins.
[[nodiscard]] DefinitionParts read_parts(const pugi::xml_node& domain);

// Makes the parts say that again; "" removes one. Pins, and names that no part has, are passed
// over.
void revert_parts(pugi::xml_node domain, const DefinitionParts& parts);

} // namespace virtpind
