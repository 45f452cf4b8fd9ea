// SPDX-License-Identifier: LGPL-2.1-or-later
// Reports as JSON text for Explain, Describe and Plan: keys only get added, never renamed. Names
// of domains are escaped, so the text is always valid UTF-8.
#pragma once

#include "common/model/control_port.hpp"
#include "common/model/plan.hpp"
#include "daemon/render/plan_json.hpp"
#include "domain_record.hpp"

#include <cstdint>
#include <string>

namespace virtpind {

// The answer of Plan: what `virtpind plan --format json` says, and of the domain that it is about
// the change to its definition as "definition-diff", empty where there is none, and as
// "definition-diff-of" whether that is of all of it.
[[nodiscard]] std::string report_trial(Json report, const DomainUuid& uuid,
                                       const std::string& definition_diff, DefinitionScope scope);

// One domain: what was asked, what it gets and why, what happened to it.
[[nodiscard]] std::string report_domain(const DomainRecord& record, const Topology* topology);

// All properties and all domains in one.
[[nodiscard]] std::string report_state(const ManagerView& manager, const Records& records,
                                       const Plan& plan, const Topology* topology,
                                       std::uint64_t passes);

} // namespace virtpind
