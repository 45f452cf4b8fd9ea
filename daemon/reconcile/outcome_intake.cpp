// SPDX-License-Identifier: LGPL-2.1-or-later
#include "outcome_intake.hpp"

#include "common/base/logging.hpp"
#include "common/base/printable.hpp"
#include "common/model/parts.hpp"
#include "outcome.hpp"

#include <optional>
#include <utility>

namespace virtpind {

namespace {

// A domain that libvirt was at work on is looked at again after this: no event announces that the
// work was given up.
constexpr std::chrono::seconds busy_pause{2};
// Somebody else may be faster this many times in a row before that counts as a failure, with its
// back-off.
constexpr unsigned conflicts_max = 8;

AfterIntake take_conflict(DomainRecord& record, Outcome& outcome)
{
    log_debug("{} {} meanwhile", printable(outcome.name),
              outcome.gone ? "went away or was restarted" : "had its definition edited");
    record.state = decided_state(record);
    if (outcome.edited) {
        record.image_stale = record.before && record.before->written.empty();
    }
    if (++record.conflicts_in_a_row <= conflicts_max) {
        return AfterIntake::put_off;
    }
    outcome.errors.push_back(
        {.code = Errc::conflict,
         .message = "it is restarted, or its definition edited, again and again, faster than it "
                    "can be pinned"});
    return AfterIntake::conclude;
}

// How the definition is now, as the next look will find it unless somebody edits it.
void take_write(DomainRecord& record, const Outcome& outcome)
{
    if (outcome.write) {
        record.last_write = outcome.write;
    }
    if (outcome.idle) {
        record.idle = {.change = *outcome.idle,
                       .parts = parts_of(record.seen),
                       .config_note = record.seen.definition_note(),
                       .not_kept = outcome.not_kept};
        record.not_kept = outcome.not_kept;
    }
}

} // namespace

AfterIntake take_in(DomainRecord& record, Outcome& outcome,
                    std::chrono::steady_clock::time_point now)
{
    // What was written stays written, whatever became of the domain afterwards.
    if (record.before && outcome.before) {
        record.before = outcome.before;
    }
    record.busy = outcome.busy;
    if (!outcome.busy.empty()) {
        log_debug("{} is being {}: it is left alone", printable(outcome.name), outcome.busy);
        record.state = record.placed_id == outcome.id ? decided_state(record) : PinState::idle;
        record.retry_at = now + busy_pause;
        return AfterIntake::nothing;
    }
    if (outcome.gone || outcome.edited) {
        return take_conflict(record, outcome);
    }
    record.conflicts_in_a_row = 0;
    if (outcome.after) {
        record.seen = *std::exchange(outcome.after, std::nullopt);
        take_write(record, outcome);
    }
    if (!outcome.kept_plugged.empty()) {
        record.kept_plugged = outcome.kept_plugged;
        record.kept_id = outcome.id;
    }
    return AfterIntake::conclude;
}

} // namespace virtpind
