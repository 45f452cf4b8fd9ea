// SPDX-License-Identifier: LGPL-2.1-or-later
// A plan for people: a map of packages, nodes, L3s and cores with the domains on them, then the
// CPUs and reasons of each domain. Pure.
#pragma once

#include "common/model/plan.hpp"

#include <string>

namespace virtpind {

[[nodiscard]] std::string plan_to_text(const Plan& plan, const Topology& topology);

} // namespace virtpind
