// SPDX-License-Identifier: LGPL-2.1-or-later
// What the doctor found as JSON: of `virtpind doctor --json` and of the method Doctor on the bus.
// Later versions only add keys. Pure.
#pragma once

#include "common/model/finding.hpp"
#include "plan_json.hpp"

namespace virtpind {

// {"guests", "findings": [{"id", "severity", "guest", "evidence", "why", "fix", "automatic"}],
// "not-measured": [{"id", "guest", "reason"}], "summary": {"errors", "warnings", "notes"}}; the
// guest of the host's findings is "". Where "automatic" is true, "set-policy" has {"policy",
// "options", "from-next-start"}: the arguments of SetPolicy with the flag MERGE.
[[nodiscard]] Json diagnosis_to_json(const Diagnosis& diagnosis);

} // namespace virtpind
