// SPDX-License-Identifier: LGPL-2.1-or-later
// What everybody may see of a definition. Pure.
#pragma once

#include "common/base/result.hpp"

#include <string>
#include <string_view>

namespace virtpind::host {

// Only the elements and attributes of the definition `text` that virtpind writes, whatever else it
// has: by name, not by difference, so that nothing comes along. An element per line. Errors:
// invalid_argument (not a domain XML), limits_exceeded.
[[nodiscard]] Result<std::string> own_elements(std::string_view text);

} // namespace virtpind::host
