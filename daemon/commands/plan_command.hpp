// SPDX-License-Identifier: LGPL-2.1-or-later
// `virtpind plan`: the daemon's planner on files and on libvirt's domains. Changes nothing.
#pragma once

#include "plan_options.hpp"

#include <iosfwd>

namespace virtpind {

// Exit status: 0; 3 when a domain gets less than its policy asks for; 2 on bad input, with a
// message on `err`.
[[nodiscard]] int run_plan_command(const PlanOptions& options, std::ostream& out,
                                   std::ostream& err);

} // namespace virtpind
