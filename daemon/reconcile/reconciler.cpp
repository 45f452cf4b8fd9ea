// SPDX-License-Identifier: LGPL-2.1-or-later
#include "reconciler.hpp"

#include "bus_views.hpp"
#include "common/base/printable.hpp"
#include "common/model/parts.hpp"
#include "common/model/undo_merge.hpp"
#include "daemon/service/log_events.hpp"
#include "outcome.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <iterator>
#include <set>
#include <utility>

namespace virtpind {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds slow_apply_after{250};
// When a domain is looked at again that libvirt was at work on.
constexpr std::chrono::seconds busy_pause{2};
// How often in a row somebody else may be faster before it counts as a failure, with its back-off.
constexpr unsigned conflicts_max = 8;
// More before-images of domains that libvirt does not show are said to be many.
constexpr std::size_t unseen_images_max = 64;
// Domains in one job; a definition takes some milliseconds, a domain up to some tens; or so many
// bytes of their definitions, which take libvirtd some tens, too.
constexpr std::size_t apply_at_once = 32;
constexpr std::size_t apply_bytes_at_once = std::size_t{256} * 1024;
// A longer definition waits for those that are not: nearly all have less than a tenth of it.
constexpr std::size_t usual_definition_bytes = std::size_t{64} * 1024;
// What part of all domains a pass sees to at least, before it makes way for another: each looks at
// all of them, and without this, those looks would add up to the square of their number. But nobody
// waits for more than so many, which take some seconds.
constexpr std::size_t least_share = 16;
constexpr std::size_t least_share_max = 4 * apply_at_once;

// Whether anything that was written into the definition is in one that says `now`.
bool has_ours(const BeforeImage& before, const DefinitionParts& now)
{
    return std::any_of(now.begin(), now.end(),
                       [&](const auto& part) { return before.is_ours(now, part.first); });
}

// A domain that cannot be read now is still on the CPUs that it was last seen on, as long as it
// runs.
void keep_what_was_seen(ObservedDomain& now, const ObservedDomain& before)
{
    const auto unreadable = !now.live && !now.config;
    if (!unreadable || now.facts.uuid != before.facts.uuid || now.facts.id != before.facts.id) {
        return;
    }
    auto metadata = std::move(now.facts.metadata);
    const auto state = now.facts.state;
    now = before;
    now.facts.metadata = std::move(metadata);
    now.facts.state = state;
}

} // namespace

Error unreachable()
{
    return Error{.code = Errc::host_unavailable,
                 .message = "libvirt is not reachable; virtpind keeps trying to connect, see the "
                            "property Problems"};
}

Error translate_libvirt_error(Error error, std::string_view doing)
{
    if (error.code == Errc::permission_denied) {
        error.message = "libvirt does not let virtpind " + std::string{doing} + " (" +
                        error.message + "); see virtpind(8), PRIVILEGES";
        error.code = Errc::apply_failed;
    } else if (error.code == Errc::invalid_argument) {
        error.message = "libvirt refused to " + std::string{doing} + ": " + error.message;
        error.code = Errc::apply_failed;
    }
    return error;
}

Reconciler::Reconciler(loop::EventLoop& loop, LibvirtPort& host, std::string boot_id,
                       std::map<DomainUuid, BeforeImage> before_images, std::string images_in)
    : host_{host}
    , images_{host, std::move(boot_id), std::move(before_images)}
    , images_in_{std::move(images_in)}
    , period_{loop, [this] { on_period(); }}
    , retry_{loop, [this] { begin_pass(); }}
    , slow_apply_{loop, [this] { publish(); }}
{
    clean_up_images();
}

// ---- events ---------------------------------------------------------------------------------

void Reconciler::on_event(const LibvirtEvent& event)
{
    heard_host_ = true;
    std::visit([this](const auto& happened) { take(happened); }, event);
    begin_pass();
}

void Reconciler::take(const LibvirtConnected& up)
{
    log_event(LogEvent::libvirt_connected,
              "connected to libvirt at " + up.uri + " (driver " + up.driver + ")");
    connection_ = up;
    first_look_ = true;
    next_depth_ = ObserveDepth::affinities;
    problems_.set("LibvirtUnavailable", "");
    for (auto& [uuid, record] : records_) { // what failed may have failed for want of libvirt
        record.failures = 0;
        record.retry_at = {};
    }
}

void Reconciler::take(const LibvirtLost& down)
{
    log_event(LogEvent::libvirt_lost, "no connection to libvirt: " + printable(down.why.message));
    connection_.reset();
    problems_.set("LibvirtUnavailable", down.why.message);
    // A pass may be stuck in a call to a hung libvirtd: whoever waits for it hears now.
    refuse_waiters();
    publish();
}

void Reconciler::take(const DomainChanged& changed)
{
    spdlog::debug("domain {}: {}", changed.uuid.str(), changed.what);
    if (changed.kind == DomainChanged::Kind::ended &&
        ended_.size() + ended_since_.size() < ended_max) {
        ended_since_.insert(changed.uuid);
    }
    arrived_ = arrived_ || changed.kind == DomainChanged::Kind::started;
}

void Reconciler::take(const EventsOverflowed& /*overflowed*/)
{
    spdlog::info("events were dropped; looking at everything again");
}

void Reconciler::on_topology(std::shared_ptr<const Topology> topology)
{
    const auto changed = topology_ == nullptr || topology_->generation != topology->generation;
    topology_ = std::move(topology);
    if (changed) {
        check_housekeeping();
        begin_pass();
    }
}

void Reconciler::on_config(Config config)
{
    config_ = std::move(config);
    period_.start(config_.period);
    check_housekeeping();
    begin_pass();
}

// Whether it can be kept depends on both, and either may change.
void Reconciler::check_housekeeping()
{
    if (topology_ == nullptr) {
        return;
    }
    static constexpr auto* problem = "HousekeepingUnusable";
    const auto found = usable_housekeeping(config_, *topology_).problem;
    if (problems_.set(problem, printable(found, 1024)) && !found.empty()) {
        spdlog::warn("{}", printable(found, 1024));
    }
}

void Reconciler::stop()
{
    stopped_ = true;
    period_.stop();
    retry_.stop();
}

void Reconciler::request_pass(std::optional<DomainUuid> uuid, PassReply reply)
{
    if (auto slot = waiters_.check_slot(); !slot) {
        reply(std::move(slot));
        return;
    }
    waiters_.add({.uuid = std::move(uuid), .reply = std::move(reply)});
    request_full_pass();
}

void Reconciler::request_full_pass()
{
    next_depth_ = ObserveDepth::affinities;
    begin_pass();
}

void Reconciler::look_anew(const DomainUuid& uuid)
{
    if (guard_ != nullptr) {
        guard_->look_anew(uuid);
    }
}

// ---- the pass -------------------------------------------------------------------------------

void Reconciler::begin_pass()
{
    if (state_ != State::idle) {
        again_ = true;
        return;
    }
    again_ = false;
    if (stopped_ || !connection_ || topology_ == nullptr) {
        waiters_.begin_pass();
        end_pass(unreachable());
        return;
    }
    state_ = State::observing;
    ++pass_;
    waiters_.begin_pass();
    retry_.stop();
    ended_.merge(std::exchange(ended_since_, {}));
    depth_ = std::exchange(next_depth_, ObserveDepth::definitions);
    host_.observe(depth_, [this](Result<Observation> seen) { on_observed(std::move(seen)); });
}

void Reconciler::on_observed(Result<Observation> seen)
{
    if (!seen) {
        end_pass(translate_libvirt_error(std::move(seen).error(), "read the domains"));
        return;
    }
    refresh_records(std::move(*seen));

    // From here on the records are one consistent picture; nothing below reads the host.
    if (!make_safe_plan(decide(planning_input()))) {
        end_pass(Error{.code = Errc::internal,
                       .message = "the plan broke its own rules and was not applied; please "
                                  "report it together with the output of Describe"});
        return;
    }
    failed_passes_ = 0;
    save_before_images(collect_actions()); // then apply, end_pass
    if (on_refreshed_) {
        on_refreshed_(records_); // while libvirt is at work
    }
}

void Reconciler::refresh_records(Observation&& seen)
{
    if (abilities_.tuning != seen.abilities.tuning) {
        spdlog::info("what this host can give a guest: {}", describe(seen.abilities.tuning));
    }
    abilities_ = seen.abilities;
    std::set<DomainUuid> present;
    for (auto& domain : seen.domains) {
        present.insert(domain.facts.uuid);
        auto [at, is_new] = records_.try_emplace(domain.facts.uuid);
        auto& record = at->second;
        if (is_new) {
            images_.give(record, domain.facts.uuid);
        }
        keep_what_was_seen(domain, record.seen);
        if (is_new || record.seen.facts.id != domain.facts.id) {
            record.failures = 0;
            record.repairs = 0;
            record.retry_at = {};
        }
        if (record.deferred_id != domain.facts.id) {
            record.deferred_id.reset();
        }
        if (record.kept_id != domain.facts.id) {
            record.kept_plugged = {};
        }
        record.kept_plugged = record.kept_plugged & domain.facts.vcpus_online;
        images_.forget_former_run(record, domain.facts.id);
        look_for_lost_policy(record, domain);
        record.seen = std::move(domain);
        images_.take_notes(record);
    }
    for (auto at = records_.begin(); at != records_.end();) {
        if (present.contains(at->first)) {
            ++at;
            continue;
        }
        images_.take_back(at->second);
        at = records_.erase(at);
    }
    // Only a domain that ended before our eyes, undefined or transient, needs its before-image no
    // more: one that we merely cannot see (access control, another libvirt) may come back.
    for (const auto& uuid : std::exchange(ended_, {})) {
        if (!present.contains(uuid)) {
            images_.forget_gone(uuid);
        }
    }
    check_unseen_images();
}

// Whoever sets or resets a policy by us has it in what was seen already.
void Reconciler::look_for_lost_policy(DomainRecord& record, const ObservedDomain& now) const
{
    const auto had = record.seen.config && record.seen.facts.metadata.content.has_value();
    if (!had || !now.config || now.facts.metadata.content || record.storing > 0) {
        return;
    }
    const auto wrote = record.before && !record.before->written.empty();
    note_lost_policy(record, wrote && !has_ours(*record.before, parts_of(now)), pass_);
}

// They are kept for domains that may come back. Whether they will, only people know.
void Reconciler::check_unseen_images()
{
    static constexpr auto* problem = "BeforeImagesUnseen";
    const auto unseen = images_.unseen();
    if (unseen <= unseen_images_max) {
        problems_.set(problem, "");
        return;
    }
    const auto text = "There are before-images of " + std::to_string(unseen) +
                      " domains that libvirt does not show; remove the files of those that are "
                      "gone for good from " +
                      images_in_ + " (each names its domain) and restart the service";
    if (!problems_.has(problem)) {
        spdlog::warn("{}", printable(text, 1024));
    }
    problems_.set(problem, text);
}

PlanningInput Reconciler::planning_input() const
{
    return {.config = config_,
            .topology = *topology_,
            .records = records_,
            .abilities = abilities_,
            .boot_id = images_.boot_id(),
            .look = first_look_ ? IntentInput::Look::first : IntentInput::Look::later,
            .watch = guard_ != nullptr ? &guard_->main() : nullptr};
}

bool Reconciler::make_safe_plan(std::vector<Decision> decisions)
{
    auto [plan, broken] = plan_for(planning_input(), decisions);
    for (const auto& rule : broken) {
        log_event(LogEvent::invariant_broken, "the plan breaks a rule: " + printable(rule),
                  {{"PASS", std::to_string(pass_)}});
    }
    problems_.set("InvariantBroken", broken.empty() ? "" : printable(broken.front(), 1024));
    if (!broken.empty()) {
        for (const auto& decision : decisions) { // a newcomer has no other yet
            auto& record = records_.at(decision.intent.uuid);
            if (record.decision.intent.uuid.str().empty()) {
                record.decision = decision;
            }
        }
        return false;
    }
    plan_ = std::move(plan);
    for (const auto& decision : decisions) {
        auto& record = records_.at(decision.intent.uuid);
        record.decision = decision;
        const auto* planned = plan_.find(decision.intent.uuid);
        record.plan = planned != nullptr ? std::optional{*planned} : std::nullopt;
    }
    return true;
}

std::vector<DomainActions> Reconciler::collect_actions()
{
    std::vector<DomainActions> all;
    const auto now = Clock::now();
    for (auto& [uuid, record] : records_) {
        record.deferred = record.deferred_id.has_value(); // which may change meanwhile
        if (record.seen.facts.job_active) {
            // libvirt would keep us waiting; when that has ended, it says so by an event.
            record.retry_at = {};
            if (record.placed_id != record.seen.facts.id) {
                record.state = PinState::idle;
            }
            continue;
        }
        if (!is_its_turn(record, now)) {
            continue;
        }
        if (auto actions = actions_of(record)) {
            all.push_back(std::move(*actions));
        } else {
            record.conflicts_in_a_row = 0;
            record.busy.clear();
            settle(record, nullptr);
        }
    }
    return all;
}

// Nothing where there is nothing to do, or where it cannot be found out.
std::optional<DomainActions> Reconciler::actions_of(DomainRecord& record)
{
    const auto input = planning_input();
    const Attempt attempt{input.watch, record.seen.facts.uuid};
    try {
        auto actions =
            actions_for(input, record, record.deferred ? LivePart::deferred : LivePart::now);
        record.unheld.clear();
        if (actions && !record.decision.restore && is_idle(record, *actions)) {
            record.unheld = record.idle->unheld;
            actions->definition.reset();
        }
        return actions && !actions->empty() ? std::move(actions) : std::nullopt;
    } catch (const std::exception& error) {
        set_apart(record.decision, error.what());
        record.plan.reset();
        return std::nullopt;
    }
}

// What failed is tried again at its time, or when somebody asks; what is left alone has nothing to
// wait for.
bool Reconciler::is_its_turn(const DomainRecord& record, Clock::time_point now) const
{
    const auto left_alone = record.decision.stance != Stance::managed && !record.decision.restore;
    return left_alone || now >= record.retry_at || waiters_.want(record.seen.facts.uuid);
}

// Nothing is touched whose former state is not safe on disk.
void Reconciler::save_before_images(std::vector<DomainActions> actions)
{
    state_ = State::saving;
    images_.save(
        records_, std::move(actions),
        [this](DomainRecord& record, Error error) {
            const auto& facts = record.seen.facts;
            Outcome failed{.uuid = facts.uuid, .name = facts.name, .id = facts.id};
            failed.errors.push_back(std::move(error));
            settle(record, &failed);
        },
        [this](std::vector<DomainActions> saved) { apply(std::move(saved)); });
}

void Reconciler::apply(std::vector<DomainActions> actions)
{
    if (actions.empty()) {
        end_pass(std::nullopt);
        return;
    }
    if (!plan_is_current()) {
        replan();
        return;
    }
    std::erase_if(actions, [this](auto& action) { return !complete(action); });
    if (actions.empty()) {
        end_pass(std::nullopt);
        return;
    }
    state_ = State::applying;
    arrived_ = false;
    slow_apply_.start(slow_apply_after);
    sort_by_urgency(actions);
    apply_next(std::make_shared<std::vector<DomainActions>>(std::move(actions)), 0);
}

// With what is to be noted, now that how it was before is on disk. Whether it is to be applied.
bool Reconciler::complete(DomainActions& actions)
{
    auto& record = records_.at(actions.uuid);
    const Attempt attempt{planning_input().watch, actions.uuid};
    try {
        if (!record.decision.restore) {
            actions.before = record.before;
            add_notes(actions, record.seen, *record.before, images_.boot_id());
        }
        record.state = PinState::applying;
        return true;
    } catch (const std::exception& error) {
        set_apart(record.decision, error.what());
        record.plan.reset();
        settle(record, nullptr);
        return false;
    }
}

// Domains that somebody asked for, then those that have just been started; of each, those first
// that cost little.
void Reconciler::sort_by_urgency(std::vector<DomainActions>& actions) const
{
    const auto is_asked_for = [this](const DomainActions& action) {
        return waiters_.ask_for(action.uuid);
    };
    const auto is_new = [this](const DomainActions& action) {
        return action.id && records_.at(action.uuid).placed_id != action.id;
    };
    const auto is_usual = [this](const DomainActions& action) {
        return records_.at(action.uuid).seen.facts.definition_bytes <= usual_definition_bytes;
    };
    std::stable_partition(actions.begin(), actions.end(), is_usual);
    const auto others = std::stable_partition(actions.begin(), actions.end(), is_asked_for);
    std::stable_partition(others, actions.end(), is_new);
}

std::size_t Reconciler::count_of_one_job(const std::vector<DomainActions>& actions,
                                         std::size_t at) const
{
    std::size_t bytes = 0;
    std::size_t count = 0;
    while (at + count < actions.size() && count < apply_at_once) {
        const auto* record = find(actions[at + count].uuid);
        bytes += record != nullptr ? record->seen.facts.definition_bytes : 0;
        if (count > 0 && bytes > apply_bytes_at_once) {
            break;
        }
        ++count;
    }
    return count;
}

// Some at a time: what comes up meanwhile (a guest starts, a policy is set, a CPU goes) does not
// wait for a thousand domains, nor are those changed by a plan that is old.
void Reconciler::apply_next(const std::shared_ptr<std::vector<DomainActions>>& actions,
                            std::size_t at)
{
    const auto begin = actions->begin() + static_cast<std::ptrdiff_t>(at);
    const auto count = count_of_one_job(*actions, at);
    std::vector<DomainActions> some{
        std::make_move_iterator(begin),
        std::make_move_iterator(begin + static_cast<std::ptrdiff_t>(count))};
    host_.apply(
        std::move(some), [this, actions, next = at + count](const std::vector<Outcome>& outcomes) {
            for (const auto& outcome : outcomes) {
                take_outcome(outcome);
            }
            const auto makes_way = waiters_.any_for_next() || arrived_ || waiters_.ask_for_one();
            const auto least = std::min(records_.size() / least_share, least_share_max);
            if (next < actions->size() && plan_is_current() && !(makes_way && next >= least)) {
                apply_next(actions, next);
                return;
            }
            slow_apply_.stop();
            for (auto rest = next; rest < actions->size(); ++rest) {
                wait_again_for((*actions)[rest].uuid);
            }
            end_pass(std::nullopt);
        });
}

bool Reconciler::plan_is_current() const
{
    return plan_.topology_generation == topology_->generation;
}

// The host changed before anything was applied: the same waiters, another plan.
void Reconciler::replan()
{
    spdlog::debug("pass {}: the host changed meanwhile; planning anew", pass_);
    state_ = State::idle;
    next_depth_ = std::max(next_depth_, depth_);
    waiters_.put_off();
    begin_pass();
}

// What became of the definition, as the next look will find it unless somebody edits it.
void Reconciler::take_write(DomainRecord& record, const Outcome& outcome)
{
    if (outcome.write) {
        record.last_write = outcome.write;
    }
    if (outcome.idle) {
        record.idle = {.change = *outcome.idle,
                       .parts = parts_of(record.seen),
                       .config_note = record.seen.config_note,
                       .unheld = outcome.unheld};
        record.unheld = outcome.unheld;
    }
}

void Reconciler::take_outcome(const Outcome& outcome)
{
    auto* record = find(outcome.uuid);
    if (record == nullptr) {
        return;
    }
    // What was written stays written, whatever became of the domain afterwards.
    if (record->before && outcome.before) {
        record->before = outcome.before;
    }
    record->busy = outcome.busy;
    if (!outcome.busy.empty()) {
        spdlog::debug("{} is being {}: it is left alone", printable(outcome.name), outcome.busy);
        record->state = settled_state(*record);
        if (record->placed_id != outcome.id) {
            record->state = PinState::idle;
        }
        record->retry_at = Clock::now() + busy_pause; // an end that fails is announced by nothing
        return;
    }
    if (outcome.gone || outcome.edited) {
        spdlog::debug("{} {} meanwhile", printable(outcome.name),
                      outcome.gone ? "went away or was restarted" : "had its definition edited");
        record->state = settled_state(*record);
        if (outcome.edited) {
            record->image_stale = record->before && record->before->written.empty();
        }
        if (++record->conflicts_in_a_row <= conflicts_max) {
            wait_again_for(outcome.uuid);
            return;
        }
        Outcome conflicts_in_a_row = outcome;
        conflicts_in_a_row.errors.push_back(
            {.code = Errc::conflict,
             .message = "it is restarted, or its definition edited, again and again, faster than "
                        "it can be pinned"});
        settle(*record, &conflicts_in_a_row);
        return;
    }
    record->conflicts_in_a_row = 0;
    if (outcome.after) {
        record->seen = *outcome.after;
        take_write(*record, outcome);
    }
    if (!outcome.kept_plugged.empty()) {
        record->kept_plugged = outcome.kept_plugged;
        record->kept_id = outcome.id;
        again_ = true; // they get CPUs of their own, then
    }
    settle(*record, &outcome);
    if (!plan_is_current()) {
        record->retry_at = {}; // what failed was meant for another host; the next pass is at hand
    }
}

void Reconciler::announce()
{
    for (const auto& [uuid, generation, verdict] : std::exchange(announcements_, {})) {
        if (sink_ != nullptr) {
            sink_->applied(uuid, generation, verdict.result, verdict.details);
        }
    }
}

// Nothing was done for it in this pass; who asked for it, or for all, hears what comes of the next.
void Reconciler::wait_again_for(const DomainUuid& uuid)
{
    again_ = true;
    waiters_.put_off(uuid);
}

void Reconciler::settle(DomainRecord& record, const Outcome* outcome)
{
    const auto verdict = virtpind::settle(record, outcome, pass_, Clock::now());
    if (verdict) {
        announcements_.push_back(
            {.uuid = record.seen.facts.uuid, .generation = record.generation, .verdict = *verdict});
    }
    // Not by record.failures: a lost connection does not count there.
    const auto done = outcome == nullptr || (outcome->errors.empty() && outcome->differs.empty());
    if (record.decision.restore && done && !record.deferred) {
        forget_restored(record); // while it is deferred, the running domain still has our pins
    }
}

// The domain is as it was found: the before-image has done its service.
void Reconciler::forget_restored(DomainRecord& record)
{
    if (!record.before) {
        return;
    }
    images_.forget(record);
    record.placed_id.reset();
    record.placed_policy.reset();
    again_ = true; // its pins are somebody else's now, which makes it another decision
}

void Reconciler::clean_up_images()
{
    images_.clean_up(records_, [this](const Result<void>& removed) {
        static constexpr auto* problem = "BeforeImages";
        if (!removed && !problems_.has(problem)) {
            spdlog::warn("before-images stay that are not needed any more: {}",
                         printable(removed.error().message));
        }
        problems_.set(problem, removed ? "" : removed.error().message);
    });
}

void Reconciler::refuse_waiters()
{
    for (const auto& waiter : waiters_.take_all()) {
        waiter.reply(unreachable());
    }
}

void Reconciler::end_pass(const std::optional<Error>& failure)
{
    state_ = State::idle;
    clean_up_images();
    if (!failure) {
        first_look_ = false;
        if (guard_ != nullptr) {
            guard_->pass_gone_through();
        }
    } else if (connection_ && !stopped_) {
        next_depth_ = std::max(next_depth_, depth_); // that is still to be looked at
        ++failed_passes_;
        spdlog::warn("pass {}: {}", pass_, printable(failure->message, 1024));
    }
    publish();
    announce();
    for (const auto& waiter : waiters_.end_pass()) {
        waiter.reply(verdict(waiter, failure));
    }
    if (again_ || (waiters_.any_for_next() && connection_)) {
        begin_pass();
    } else {
        schedule_retry();
    }
}

// However many passes events have called for meanwhile: those look less deeply.
void Reconciler::on_period()
{
    period_.start(config_.period);
    if (each_period_) {
        each_period_();
    }
    next_depth_ = ObserveDepth::affinities;
    begin_pass();
}

Result<void> Reconciler::verdict(const Waiter& waiter, const std::optional<Error>& failure) const
{
    if (failure) {
        return *failure;
    }
    if (!waiter.uuid) {
        return {};
    }
    const auto* record = find(*waiter.uuid);
    if (record == nullptr) {
        return Error{.code = Errc::not_found,
                     .message = "the domain " + waiter.uuid->str() + " went away meanwhile"};
    }
    if (record->seen.facts.job_active) {
        return Error{.code = Errc::apply_failed,
                     .message = printable(record->seen.facts.name) +
                                " is being started, saved or migrated; the policy is applied when "
                                "that finishes"};
    }
    if (!record->busy.empty()) {
        return Error{.code = Errc::apply_failed,
                     .message = printable(record->seen.facts.name) + " is being " + record->busy +
                                "; the policy is applied when that finishes"};
    }
    if (record->error) {
        return *record->error;
    }
    return {};
}

void Reconciler::schedule_retry()
{
    if (stopped_ || !connection_) {
        return;
    }
    if (failed_passes_ > 0) {
        retry_.start(retry_delay(failed_passes_));
        return;
    }
    std::optional<Clock::time_point> earliest;
    for (const auto& [uuid, record] : records_) {
        if (record.retry_at != Clock::time_point{} && (!earliest || record.retry_at < *earliest)) {
            earliest = record.retry_at;
        }
    }
    if (earliest) {
        const auto wait =
            std::max(*earliest - Clock::now(), Clock::duration{std::chrono::milliseconds{1}});
        retry_.start(std::chrono::duration_cast<std::chrono::microseconds>(wait));
    }
}

// ---- questions ------------------------------------------------------------------------------

DomainRecord* Reconciler::find(const DomainUuid& uuid)
{
    const auto at = records_.find(uuid);
    return at != records_.end() ? &at->second : nullptr;
}

const DomainRecord* Reconciler::find(const DomainUuid& uuid) const
{
    const auto at = records_.find(uuid);
    return at != records_.end() ? &at->second : nullptr;
}

ManagerView Reconciler::manager_view() const
{
    return make_manager_view({.config = config_,
                              .topology = topology_.get(),
                              .connection = connection_ ? &*connection_ : nullptr,
                              .plan = plan_,
                              .records = records_,
                              .problems = problems_.texts(),
                              .phase = stopped_      ? ServicePhase::stopping
                                       : heard_host_ ? ServicePhase::running
                                                     : ServicePhase::starting});
}

void Reconciler::publish()
{
    ++revision_;
    if (sink_ == nullptr) {
        return;
    }
    std::vector<DomainView> domains;
    domains.reserve(records_.size());
    for (const auto& [uuid, record] : records_) {
        domains.push_back(make_domain_view(record, topology_.get()));
    }
    sink_->publish(manager_view(), domains);
}

Result<void> Reconciler::check_policy(const DomainUuid& uuid, const Policy& policy) const
{
    return virtpind::check_policy(planning_input(), uuid, policy);
}

Result<TrialPlan> Reconciler::plan_with(const DomainUuid& uuid, const Policy& policy) const
{
    auto input = planning_input();
    input.watch = nullptr; // what a caller asks is no start that dies
    return try_policy(input, uuid, policy);
}

} // namespace virtpind
