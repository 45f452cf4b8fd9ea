// SPDX-License-Identifier: LGPL-2.1-or-later
// Why a guest is where it is, and what a plan would change. Pure.
#pragma once

#include "answers.hpp"
#include "facts.hpp"
#include "layout.hpp"
#include "look.hpp"

#include <optional>
#include <string>

namespace virtpind::client {

[[nodiscard]] std::string render_explanation(const Guest& guest, const Explanation& explanation,
                                             const Look& look);

// How the guest could get what it lacks, as the service advises; "" where it does not.
[[nodiscard]] std::string advice_of(const std::vector<Reason>& reasons);

// A change that is planned.
struct PlannedChange {
    std::string policy; // that the guest then has, with options; empty: as the plan says
    std::string words;  // to type behind "set GUEST"
};

// What the change `wanted` would do to the guest `uuid`: before and after, who is displaced, why,
// and the change to the definition.
[[nodiscard]] std::string render_plan(const Snapshot& now, const PlanAnswer& plan,
                                      const std::string& uuid, const PlannedChange& wanted,
                                      const std::optional<Layout>& layout, const Look& look);

// Whether the plan gives the guest all that its policy asks for.
[[nodiscard]] bool is_satisfied(const PlanAnswer& plan, const std::string& uuid);

} // namespace virtpind::client
