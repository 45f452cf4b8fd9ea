// SPDX-License-Identifier: LGPL-2.1-or-later
// The memory that a domain asks for, as arguments of a reason. Pure.
#pragma once

#include "common/model/plan.hpp"

namespace virtpind {

// `others`, and as the argument `wanted` all the memory that the domain is to have: "16384 MiB of
// free hugepages of 1 GiB".
[[nodiscard]] ReasonArguments with_wanted_memory(const Intent& intent, ReasonArguments others);

} // namespace virtpind
