// SPDX-License-Identifier: LGPL-2.1-or-later
// What `virtpind plan` is to plan: a scenario, or domains from files and from libvirt. Blocking.
#pragma once

#include "asked_domains.hpp"
#include "common/base/result.hpp"
#include "plan_options.hpp"
#include "scenario_json.hpp"

#include <cstddef>
#include <iosfwd>
#include <string>
#include <vector>

namespace virtpind {

// Everything a plan is made from. The intents are those of the domains that run beside, then those
// of `asked` or of the scenario.
struct PlanInput {
    Scenario scenario;
    std::vector<AskedDomain> asked; // none with a scenario file
    std::size_t beside = 0;         // domains of libvirt that run and that nobody asked for
    std::string libvirt_uri;        // where these come from
};

// `err` is for a libvirt that does not respond, see connect_once(). Errors name the option, the
// file or the domain.
[[nodiscard]] Result<PlanInput> read_plan_input(const PlanOptions& options, std::ostream& err);

} // namespace virtpind
