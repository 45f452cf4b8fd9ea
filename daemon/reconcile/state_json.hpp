// SPDX-License-Identifier: LGPL-2.1-or-later
// Reports as JSON text for Explain, Describe and Plan. Keys are added, never renamed. Names of
// domains are escaped, so that the text is always valid UTF-8.
#pragma once

#include "common/model/control_port.hpp"
#include "common/model/plan.hpp"
#include "domain_record.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace virtpind {

// The answer of Plan: the output of `virtpind plan --format json`, with the change of the domain's
// definition as "definition-diff" (empty if there is none), and the part of the definition that
// this covers as "definition-diff-of".
[[nodiscard]] std::string report_trial(nlohmann::ordered_json report, const DomainUuid& uuid,
                                       const std::string& definition_diff, DefinitionScope scope);

// `report` with the names of those that would lose their place to the domain, as "displaced".
[[nodiscard]] nlohmann::ordered_json mark_displaced(nlohmann::ordered_json report,
                                                    const DomainUuid& uuid,
                                                    const std::vector<std::string>& names);

// `report` with the guest that is not defined told apart: "newcomer", and "replaces" where a domain
// has its UUID.
[[nodiscard]] nlohmann::ordered_json mark_guest(nlohmann::ordered_json report,
                                                const DomainUuid& uuid, bool replaces);

// One domain: its policy, its plan with the reasons, and its history.
[[nodiscard]] std::string report_domain(const DomainRecord& record, const Plan& plan,
                                        const Topology* topology);

// The host's layout, which is the largest part of the report and seldom changes.
[[nodiscard]] std::string report_layout(const Topology& topology);

// All properties and all domains; `layout` is the report of that, or empty.
[[nodiscard]] std::string report_state(const ManagerView& manager, const Records& records,
                                       const Plan& plan, const Topology* topology,
                                       std::uint64_t passes, const std::string& layout);

} // namespace virtpind
