// SPDX-License-Identifier: LGPL-2.1-or-later
#include "outcome.hpp"

#include "common/base/logging.hpp"
#include "common/base/printable.hpp"
#include "daemon/render/reason_text.hpp"
#include "daemon/service/log_events.hpp"
#include "shortfall.hpp"

#include <algorithm>
#include <utility>

namespace virtpind {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds retry_max{60};
// This many repairs, each soon after the last, are a quarrel with another program; from then on the
// domain is repaired once a minute, as long as the quarrel goes on.
constexpr unsigned repairs_max = 5;
constexpr std::chrono::seconds repairs_pause{60};
constexpr std::chrono::seconds repairs_window = 2 * repairs_pause;

std::uint64_t realtime_usec()
{
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(
                                          std::chrono::system_clock::now().time_since_epoch())
                                          .count());
}

void remember(DomainRecord& record, std::uint64_t pass, std::string what)
{
    if (what.size() > DomainRecord::history_bytes_max) {
        what = printable(what, DomainRecord::history_bytes_max);
    }
    record.history.push_back(
        {.pass = pass, .realtime_usec = realtime_usec(), .what = std::move(what)});
    if (record.history.size() > DomainRecord::history_max) {
        record.history.pop_front();
    }
}

void log_domain(LogEvent event, const DomainRecord& record, std::uint64_t pass,
                const std::string& text)
{
    const auto& facts = record.seen.facts;
    log_event(event, printable(facts.name) + ": " + text,
              {{"DOMAIN", facts.name},
               {"DOMAIN_UUID", facts.uuid.str()},
               {"POLICY", record.decision.policy.policy.name},
               {"PASS", std::to_string(pass)}});
}

std::string joined(const std::vector<std::string>& sentences)
{
    std::string text;
    for (const auto& sentence : sentences) {
        text += (text.empty() ? "" : "; ") + sentence;
    }
    return text;
}

std::string joined(const Outcome& outcome)
{
    std::vector<std::string> sentences;
    for (const auto& error : outcome.errors) {
        sentences.push_back(error.message);
    }
    sentences.insert(sentences.end(), outcome.differs.begin(), outcome.differs.end());
    return joined(sentences);
}

// Nothing was applied, some of it was, or not even the former state could be saved.
Errc failure_code(const Outcome& outcome)
{
    if (outcome.applied > 0) {
        return Errc::partially_applied;
    }
    const auto not_saved =
        outcome.errors.size() == 1 && outcome.errors.front().code == Errc::not_persisted;
    return not_saved ? Errc::not_persisted : Errc::apply_failed;
}

// A lost connection says nothing about the domain, and is logged once for all domains.
bool connection_was_lost(const Outcome& outcome)
{
    return outcome.differs.empty() &&
           std::all_of(outcome.errors.begin(), outcome.errors.end(),
                       [](const Error& error) { return error.code == Errc::host_unavailable; });
}

OptionMap details_of(const DomainRecord& record)
{
    if (!record.plan || record.decision.stance != Stance::managed) {
        return {};
    }
    OptionMap details{{"satisfied", record.plan->satisfied}};
    if (!record.newly_displaced.empty()) {
        details.emplace("displaced", record.newly_displaced);
    }
    return details;
}

Verdict failure_verdict(const DomainRecord& record)
{
    auto details = details_of(record);
    details.emplace("error", printable(record.error->message, 4096));
    return {.result = std::string{to_string(record.state)}, .details = std::move(details)};
}

Verdict record_failure(DomainRecord& record, const Outcome& outcome, std::uint64_t pass,
                       Clock::time_point now)
{
    const auto lost = connection_was_lost(outcome);
    record.failures += lost ? 0 : 1;
    if (outcome.applied > 0) {
        record.last_applied_usec = realtime_usec();
    }
    const auto delay = retry_delay(std::max(record.failures, 1U));
    record.retry_at = now + delay;
    record.state = outcome.applied == 0 ? PinState::failed : PinState::partial;
    record.error.emplace(Error{.code = failure_code(outcome), .message = joined(outcome)});
    if (lost) {
        return failure_verdict(record);
    }
    log_domain(
        outcome.applied == 0 ? LogEvent::domain_failed : LogEvent::domain_partial, record, pass,
        printable(record.error->message, 1024) + " (attempt " + std::to_string(record.failures) +
            ", next in " + std::to_string(delay.count()) + " s)");
    remember(record, pass, "failed: " + record.error->message);
    return failure_verdict(record);
}

PinSet pins_of(const DomainRecord& record)
{
    if (!record.plan || record.decision.restore) {
        return {};
    }
    PinSet pins;
    pins.vcpus = record.plan->vcpus;
    pins.emulator = record.plan->emulator;
    pins.iothreads = record.plan->iothreads;
    pins.numatune = record.plan->numatune;
    return pins;
}

// Whether these pins were verified before already, so that somebody else must have changed them.
bool slow_down_a_quarrel(DomainRecord& record, std::uint64_t pass, Clock::time_point now)
{
    if (auto pins = pins_of(record); pins != record.verified_pins) {
        record.verified_pins = std::move(pins);
        record.repairs = 0;
        return false;
    }
    record.repairs = now - record.repaired_at < repairs_window ? record.repairs + 1 : 1;
    record.repaired_at = now;
    if (record.repairs > repairs_max) {
        record.retry_at = now + repairs_pause;
        log_domain(LogEvent::pins_contested, record, pass,
                   "something else keeps changing its pins; repairing it once a minute");
    }
    return true;
}

std::string places_of(const DomainPlan& plan)
{
    CpuSet cpus;
    for (const auto& [vcpu, own] : plan.vcpus) {
        cpus |= own;
    }
    return "vCPUs on " + cpus.str() + ", emulator on " + plan.emulator.str();
}

// Whose place it took, and who took its own.
std::string displacements_of(const DomainRecord& record)
{
    std::string text;
    for (const auto& name : record.newly_displaced) {
        text += (text.empty() ? "; it took the place of " : ", ") + name;
    }
    const auto begin = text.size();
    for (const auto& [uuid, name] : record.displaced_by) {
        text += (text.size() == begin ? "; its place went to " : ", ") + name;
    }
    return text;
}

// The word for the change in the log and the history.
std::string word_for(const DomainRecord& record, const std::string& result, bool repaired)
{
    if (result != "pinned") {
        return result;
    }
    return !record.seen.facts.active() ? "defined" : repaired ? "repaired" : result;
}

// `stood`: this run was pinned before by this policy.
Verdict record_success(DomainRecord& record, const Outcome& outcome, std::uint64_t pass,
                       Clock::time_point now, bool stood)
{
    const auto repaired = slow_down_a_quarrel(record, pass, now) && stood && outcome.applied > 0;
    record.last_applied_usec = realtime_usec();
    const auto restored = record.decision.restore;
    const auto deferred = record.deferred;
    const auto mended = record.decision.stance == Stance::broken;
    const std::string result = deferred   ? "deferred"
                               : restored ? "reset"
                               : mended   ? "failed"
                                          : "pinned";
    const auto word = word_for(record, result, repaired);
    auto what = std::to_string(outcome.applied) + " changes applied and verified";
    if (word == "repaired") {
        what += ", as somebody else had changed its pins";
    }
    if (mended) {
        what += "; its definition kept it on CPUs that this host does not have, and it would not "
                "have started";
    } else if (record.plan && !record.decision.restore) {
        what += word == "defined" ? "; from its next start: " : "; ";
        what += places_of(*record.plan);
    }
    what += displacements_of(record);
    if (restored) {
        what += what_stays_plugged(record.seen);
    }
    if (restored && !outcome.not_kept.empty()) {
        what += "; libvirt does not keep all of it: " + joined(outcome.not_kept);
    }
    if (!outcome.not_reverted.empty()) {
        what += "; left as somebody else has changed them since: ";
        for (const auto& part : outcome.not_reverted) {
            what += (part == outcome.not_reverted.front() ? "" : ", ") + part;
        }
    }
    if (deferred) {
        what += "; in the definition, for the next start";
        log_info("{}: deferred, {}", printable(record.seen.facts.name), what);
    } else {
        log_domain(restored ? LogEvent::domain_restored
                   : mended ? LogEvent::domain_set_apart
                            : LogEvent::domain_pinned,
                   record, pass, word + ", " + what);
    }
    for (const auto& remark : outcome.remarks) {
        log_warning("{}: {}", printable(record.seen.facts.name), remark);
        what += "; " + remark;
    }
    remember(record, pass, word + ": " + what);
    auto details = details_of(record);
    record.newly_displaced.clear(); // it has been told
    return {.result = result, .details = std::move(details)};
}

// The error that is known before anything is applied.
void set_decided_error(DomainRecord& record)
{
    if (record.decision.unreadable) {
        record.error.emplace(*record.decision.unreadable);
    } else if (record.decision.stance == Stance::managed && record.plan &&
               record.plan->placement == Placement::none) {
        const auto* why = main_shortfall(record.plan->reasons);
        record.error.emplace(
            Error{.code = Errc::unsatisfiable,
                  .message = why != nullptr ? reason_text(*why) : "It does not fit."});
    } else if (!record.not_kept.empty()) {
        record.error.emplace(
            Error{.code = Errc::partially_applied,
                  .message = "libvirt does not keep what was written, and it is not written again "
                             "until its definition or policy changes: " +
                             joined(record.not_kept)});
    } else if (!record.kept_plugged.empty()) {
        record.error.emplace(
            Error{.code = Errc::partially_applied,
                  .message = "the guest did not give back vCPUs " + record.kept_plugged.str() +
                             "; they stay plugged and pinned, and Reapply asks the guest again"});
    } else {
        record.error.reset();
    }
}

// Logs a new state or error once.
void log_decided(const DomainRecord& record, PinState before,
                 const std::optional<Error>& error_before, std::uint64_t pass)
{
    if (record.state == PinState::foreign && before != PinState::foreign) {
        log_domain(LogEvent::domain_foreign, record, pass,
                   "somebody else pinned it and it has no policy of its own: it is left alone");
    }
    const auto is_new_error =
        record.error && (!error_before || error_before->message != record.error->message);
    if (record.decision.unreadable && is_new_error) {
        log_domain(LogEvent::domain_set_apart, record, pass,
                   "it is left alone: " + record.error->message);
    } else if (!record.not_kept.empty() && is_new_error) {
        log_domain(LogEvent::domain_partial, record, pass, printable(record.error->message, 1024));
    }
    const auto unsatisfiable = record.error && record.error->code == Errc::unsatisfiable;
    if (unsatisfiable && (!error_before || error_before->message != record.error->message)) {
        log_domain(LogEvent::domain_unsatisfiable, record, pass,
                   "its policy cannot be met: " + record.error->message);
    }
}

// Logs once that a domain runs, or would run, without all that its policy asks for. A domain that
// is shut off counts only if the obstacle is the host itself. The obstacle changes with the
// neighbours; Explain tells the present one.
void log_lack(DomainRecord& record, std::uint64_t pass)
{
    const auto lacked = record.lacking;
    record.lacking = is_lacking(record) && record.plan->placement != Placement::none;
    if (record.lacking && !lacked) {
        const auto* why = main_shortfall(record.plan->reasons);
        log_domain(LogEvent::domain_unsatisfiable, record, pass,
                   "it does not get all that its policy asks for" +
                       (why != nullptr ? ": " + reason_text(*why) : "; Explain says why"));
    }
}

} // namespace

PinState decided_state(const DomainRecord& record)
{
    switch (record.decision.stance) {
    case Stance::foreign:
        return PinState::foreign;
    case Stance::held:
        return PinState::held;
    case Stance::broken:
        return PinState::failed;
    case Stance::hands_off:
        return PinState::idle;
    case Stance::managed:
        break;
    }
    if (record.plan && record.plan->placement == Placement::none) {
        return PinState::failed;
    }
    if (!record.kept_plugged.empty() || !record.not_kept.empty()) {
        return PinState::partial;
    }
    return record.seen.facts.active() && !record.deferred ? PinState::pinned : PinState::idle;
}

void note_lost_policy(DomainRecord& record, bool replaced, std::uint64_t pass)
{
    const std::string what = replaced ? "its definition was replaced by one without the policy"
                                      : "somebody else took the policy out of its metadata";
    log_domain(LogEvent::policy_reset, record, pass, what);
    remember(record, pass, what);
}

std::chrono::seconds retry_delay(unsigned failures)
{
    const auto doubled = std::chrono::seconds{1ULL << (std::clamp(failures, 1U, 10U) - 1)};
    return std::min<std::chrono::seconds>(doubled, retry_max);
}

std::optional<Verdict> record_outcome(DomainRecord& record, const Outcome* outcome,
                                      std::uint64_t pass, std::chrono::steady_clock::time_point now)
{
    const auto before = record.state;
    const auto error_before = record.error;
    record.state = decided_state(record);
    set_decided_error(record);
    log_decided(record, before, error_before, pass);
    log_lack(record, pass);
    if (outcome != nullptr && (!outcome->errors.empty() || !outcome->differs.empty())) {
        return record_failure(record, *outcome, pass, now);
    }

    const auto stood = record.failures == 0 && record.placed_id &&
                       record.placed_id == record.seen.facts.id &&
                       record.placed_policy == record.decision.policy.policy;
    record.forget_failures();
    const auto in_place = record.state == PinState::pinned || record.state == PinState::partial;
    if (in_place && !record.deferred) {
        record.placed_id = record.seen.facts.id;
        record.placed_policy = record.decision.policy.policy;
    }
    // There is nothing to tell if nothing was changed after all.
    const auto changed = outcome != nullptr && (outcome->applied > 0 || record.decision.restore ||
                                                !outcome->not_reverted.empty());
    return changed ? std::optional{record_success(record, *outcome, pass, now, stood)}
                   : std::nullopt;
}

} // namespace virtpind
