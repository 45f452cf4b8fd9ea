// SPDX-License-Identifier: LGPL-2.1-or-later
// The pins in a domain XML: <vcpu cpuset=>, <cputune> and <numatune>; read, and written.
#pragma once

#include "common/model/domain.hpp"
#include "xml_reader.hpp"

namespace virtpind {

// Errors stay in `reader`.
[[nodiscard]] PinSet read_pins(Reader& reader, const pugi::xml_node& domain);

// Whether <iothreadids> says nothing but ids, as libvirt writes it by itself, so that it may go.
[[nodiscard]] bool lists_only_ids(const pugi::xml_node& domain);

// Makes `domain`, which has the pins `current`, have `wanted`; what already says so is not touched.
// Error invalid_argument where they do not read back: an empty set, a numatune that is not XML.
[[nodiscard]] Result<void> write_pins(pugi::xml_node domain, const PinSet& current,
                                      const PinSet& wanted);

} // namespace virtpind
