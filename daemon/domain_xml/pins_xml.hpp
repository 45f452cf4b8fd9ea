// SPDX-License-Identifier: LGPL-2.1-or-later
// The pins in a domain XML: <vcpu cpuset=>, <cputune> and <numatune>.
#pragma once

#include "common/model/domain.hpp"
#include "xml_reader.hpp"

namespace virtpind::host {

// Errors stay in `reader`.
[[nodiscard]] PinSet read_pins(Reader& reader, const pugi::xml_node& domain);

} // namespace virtpind::host
