// SPDX-License-Identifier: LGPL-2.1-or-later
// Values of the parts of a definition; part_table.hpp says which parts there are.
#pragma once

#include "domain.hpp"
#include "part_table.hpp"

#include <initializer_list>
#include <set>
#include <string>

namespace virtpind {

// "" where it is not there; and the other way round.
[[nodiscard]] const std::string& value_of(const DefinitionParts& parts, const std::string& name);
[[nodiscard]] const std::string& value_of(const DefinitionParts& parts, DefinitionPart part);
void set_value(DefinitionParts& parts, const std::string& name, const std::string& value);

[[nodiscard]] bool has_part(const DefinitionParts& parts, DefinitionPart part);

// Whether they say how many vCPUs there are, or which.
[[nodiscard]] bool changes_numbering(const DefinitionParts& parts);

[[nodiscard]] std::set<std::string> names_in(std::initializer_list<const DefinitionParts*> all);

// The parts that `pins` are, and `pins` with those of `parts` as `from` has them.
[[nodiscard]] DefinitionParts pin_parts(const PinSet& pins);
[[nodiscard]] PinSet with_pin_parts(PinSet pins, const DefinitionParts& parts, const PinSet& from);

// The pins that `parts` say, which may be anything: what is no pin, or says no pin, is passed over.
[[nodiscard]] PinSet pins_from(const DefinitionParts& parts);

// Those of its definition.
[[nodiscard]] DefinitionParts parts_of(const ObservedDomain& seen);

} // namespace virtpind
