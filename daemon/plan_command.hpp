// SPDX-License-Identifier: LGPL-2.1-or-later
// `virtpind plan`: the daemon's core on files. Touches nothing.
#pragma once

#include "daemon/options.hpp"

#include <iosfwd>

namespace virtpind {

// Exit status: 0; 3 when a domain does not get what its policy asks for; 2 on bad input, said on
// `err`.
[[nodiscard]] int run_plan_command(const PlanOptions& options, std::ostream& out,
                                   std::ostream& err);

} // namespace virtpind
