// SPDX-License-Identifier: LGPL-2.1-or-later
// What the service's doctor found, as its JSON has it, and for people. Pure.
#pragma once

#include "common/base/result.hpp"
#include "look.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace virtpind::client {

struct Finding {
    std::string id;
    std::string severity; // "error", "warning", "note"
    std::string guest;    // "": the host
    std::string evidence;
    std::string why;
    std::string fix;
    bool automatic = false;         // `fix` is a policy that the service applies
    std::vector<std::string> words; // this policy, as `virtpinctl set` takes it; options are kept
    bool from_next_start = false;   // else at once
};

struct NotMeasured {
    std::string id;
    std::string guest;
    std::string reason;
};

struct Diagnosis {
    std::vector<std::string> guests; // those that were looked at
    std::vector<Finding> findings;
    std::vector<NotMeasured> not_measured;
};

// Texts become printable. Error: internal, an answer that is not what it should be.
[[nodiscard]] Result<Diagnosis> read_diagnosis(std::string_view json);

// By guest, the severest first. `verbose` lists what was not measured, else it is counted.
[[nodiscard]] std::string render_diagnosis(const Diagnosis& diagnosis, bool verbose,
                                           const Look& look);

// One finding, as a section has it.
[[nodiscard]] std::string render_finding(const Finding& finding, const Look& look);

// The finding that --fix means. Errors: invalid_argument, there is none, or several guests have it;
// unsupported, only people can mend it.
[[nodiscard]] Result<const Finding*> find_to_mend(const Diagnosis& diagnosis, std::string_view id);

// Whether something is wrong: an error or a warning.
[[nodiscard]] bool has_faults(const Diagnosis& diagnosis);

} // namespace virtpind::client
