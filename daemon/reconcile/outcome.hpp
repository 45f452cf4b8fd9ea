// SPDX-License-Identifier: LGPL-2.1-or-later
// What a pass comes to for one domain: its state, its error, and when it is tried again.
#pragma once

#include "common/model/action.hpp"
#include "domain_record.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace virtpind {

// What the bus is told of it.
struct Verdict {
    std::string result; // "pinned" "partial" "failed" "reset" "deferred"
    OptionMap details;
};

// Brings `record` up to date after pass number `pass` and logs it, once. `outcome` is null when
// there was nothing to do, and then nothing is to be told either.
std::optional<Verdict> record_outcome(DomainRecord& record, const Outcome* outcome,
                                      std::uint64_t pass,
                                      std::chrono::steady_clock::time_point now);

// The policy went without us: with the definition that it was in (`replaced`), or by itself. To be
// told before what came of it.
void note_lost_policy(DomainRecord& record, bool replaced, std::uint64_t pass);

// The state that follows from the decision when everything went well.
[[nodiscard]] PinState decided_state(const DomainRecord& record);

// Before the next attempt after so many in a row failed: 1 s, 2 s, 4 s ... 60 s.
[[nodiscard]] std::chrono::seconds retry_delay(unsigned failures);

} // namespace virtpind
