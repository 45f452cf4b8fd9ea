// SPDX-License-Identifier: LGPL-2.1-or-later
// The verdict of a pass on one domain: its state, its error, and when the next attempt is due.
#pragma once

#include "common/model/action.hpp"
#include "domain_record.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace virtpind {

// The verdict as the bus tells it.
struct Verdict {
    std::string result; // "pinned" "partial" "failed" "reset" "deferred"
    OptionMap details;
};

// Updates `record` after pass number `pass` and logs the verdict once. `outcome` is null if nothing
// was to be changed; then there is no verdict to tell.
std::optional<Verdict> record_outcome(DomainRecord& record, const Outcome* outcome,
                                      std::uint64_t pass,
                                      std::chrono::steady_clock::time_point now);

// Logs that somebody else removed the policy: the whole definition was replaced (`replaced`), or
// only the metadata. To be called before the verdict of the pass is recorded.
void note_lost_policy(DomainRecord& record, bool replaced, std::uint64_t pass);

// The state that follows from the decision if all changes succeed.
[[nodiscard]] PinState decided_state(const DomainRecord& record);

// The delay before the next attempt after `failures` failed ones in a row: 1 s, 2 s, 4 s ... 60 s.
[[nodiscard]] std::chrono::seconds retry_delay(unsigned failures);

} // namespace virtpind
