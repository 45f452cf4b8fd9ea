// SPDX-License-Identifier: LGPL-2.1-or-later
// What the doctor finds: plain values. The sentences are made where the values are found; what a
// check is about, and its name, are in check_table.hpp.
#pragma once

#include "check_table.hpp"
#include "policy_options.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace virtpind {

// How a finding is mended by the service: SetPolicy with this policy and these options, which are
// put to those that the guest has.
struct PolicyFix {
    std::string policy; // "dedicated"
    OptionMap options;
    bool from_next_start = false; // else at once
};

struct Finding {
    Check check{};
    Severity severity = Severity::note;
    std::string guest;    // "": the host
    std::string evidence; // what was measured, a sentence without a full stop
    std::string why;      // "so ...", without the "so"
    std::string fix;      // a command to copy, or a phrase that begins with a verb
    std::optional<PolicyFix> automatic;
};

struct NotMeasured {
    Check check{};
    std::string guest; // "": the host
    std::string reason;
};

struct Diagnosis {
    std::vector<std::string> guests; // that were looked at, in their order
    std::vector<Finding> findings;   // by guest, the host last; the severest first, then by check
    std::vector<NotMeasured> not_measured;

    [[nodiscard]] std::size_t count(Severity severity) const;
};

} // namespace virtpind
