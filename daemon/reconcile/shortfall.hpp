// SPDX-License-Identifier: LGPL-2.1-or-later
// How a domain stands: whether it gets what its policy asks for, and on whose CPUs it is. Pure.
#pragma once

#include "common/model/plan.hpp"
#include "domain_record.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace virtpind {

// What a domain does not get.
struct Shortfall {
    std::string code; // of a reason ("no-room"), or the word of an error of the bus ("ApplyFailed")
    std::string text; // a sentence, printable
};

// Whether it has, or would have, a place without all that its policy asks for. One that is shut off
// counts only if the obstacle is the host itself: what else is missing may be there when it starts.
[[nodiscard]] bool is_lacking(const DomainRecord& record);

// Why it is not as its policy asks; nullopt: it is, or its policy asks for nothing.
[[nodiscard]] std::optional<Shortfall> shortfall_of(const DomainRecord& record);

// On whose CPUs its online vCPUs are, by the pins in force: "own", "pool", "housekeeping",
// "claimed", "isolated", "all", "mixed", "foreign", or "none" where it is not active. The
// interface's XML explains them.
[[nodiscard]] std::string_view placement_word(const DomainRecord& record, const Plan& plan,
                                              const Topology* topology);

} // namespace virtpind
