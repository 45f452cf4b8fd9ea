// SPDX-License-Identifier: LGPL-2.1-or-later
// Long: the pass is read from top to bottom, and its steps are in units of their own already.
#include "reconciler.hpp"

#include "caller_errors.hpp"
#include "common/base/logging.hpp"
#include "common/base/printable.hpp"
#include "configured_housekeeping.hpp"
#include "daemon/service/log_events.hpp"
#include "isolation_wish.hpp"
#include "outcome_intake.hpp"
#include "record_refresh.hpp"
#include "step_intake.hpp"

#include <algorithm>
#include <utility>

namespace virtpind {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds slow_apply_after{250};

} // namespace

Reconciler::Reconciler(loop::EventLoop& loop, LibvirtPort& host, std::string boot_id,
                       std::map<DomainUuid, BeforeImage> before_images, std::string images_in)
    : host_{host}
    , images_{host, std::move(boot_id), std::move(before_images), std::move(images_in)}
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
    isolation_.look_at_all();
    next_depth_ = ObserveDepth::affinities;
    problems_.set("LibvirtUnavailable", "");
    for (auto& [uuid, record] : records_) { // what failed may have failed for want of libvirt
        record.forget_failures();
    }
}

void Reconciler::take(const LibvirtLost& down)
{
    log_event(LogEvent::libvirt_lost, "no connection to libvirt: " + printable(down.why.message));
    connection_.reset();
    problems_.set("LibvirtUnavailable", down.why.message);
    // A pass may be stuck in a call to a hung libvirtd: whoever waits for it hears now.
    waiters_.refuse_all(unreachable());
    publish();
}

void Reconciler::take(const DomainChanged& changed)
{
    log_debug("domain {}: {}", changed.uuid.str(), changed.what);
    if (changed.kind == DomainChanged::Kind::ended) {
        ended_.add(changed.uuid);
    }
    arrived_ = arrived_ || changed.kind == DomainChanged::Kind::started;
}

void Reconciler::take(const EventsOverflowed& /*overflowed*/)
{
    log_info("events were dropped; looking at everything again");
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
    problems_.report("HousekeepingUnusable", usable_housekeeping(config_, *topology_).problem,
                     Problems::Log::each_text);
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

void Reconciler::hold_profile_with(PowerPort& port)
{
    power_.use(port);
    port.on_changed([this] { begin_pass(); }); // whose domains are told
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
    isolation_.begin_pass();
    ++pass_;
    waiters_.begin_pass();
    retry_.stop();
    ended_.begin_look();
    depth_ = std::exchange(next_depth_, ObserveDepth::definitions);
    host_.observe(depth_, [this](Result<Observation> seen) { on_observed(std::move(seen)); });
}

void Reconciler::on_observed(Result<Observation> seen)
{
    if (!seen) {
        end_pass(translate_libvirt_error(std::move(seen).error(), "read the domains"));
        return;
    }
    // Until then, the records are those of the last pass: whoever asks meanwhile finds them
    // decided.
    auto now = std::make_shared<Observation>(std::move(*seen));
    isolation_.look(records_, now->domains, [this, now] {
        refresh(std::move(*now));
        isolation_.take_in(records_);
        plan_changes();
    });
}

void Reconciler::plan_changes()
{
    // From here on the records are one consistent picture: nothing below reads libvirt. Decide,
    // plan, check and diff are one pure step.
    const auto is_asked_for = [this](const DomainUuid& uuid) { return waiters_.want(uuid); };
    auto planned = plan_pass(planning_input(), {.now = Clock::now(), .is_asked_for = is_asked_for});
    adopt_steps(records_, planned);
    if (!is_sound(planned)) {
        end_pass(Error{.code = Errc::internal,
                       .message = "the plan broke its own rules and was not applied; please "
                                  "report it together with the output of Describe"});
        return;
    }
    retry_.pass_planned();
    plan_ = std::move(planned.plan);
    tidy_allowance_.spend(Clock::now(), plan_.tidied_vcpus);
    auto due = std::make_shared<DueDomains>(take_due(records_, planned));
    isolation_.make_due(*due);
    // A thread is not moved out of its partition: off, pin, on.
    isolation_.take_off(records_, due->actions, *topology_, [this, due] {
        leave_isolated(*due);
        for (auto* record : due->unchanged) {
            conclude_pinned(*record, nullptr);
        }
        save_before_images(std::move(due->actions)); // then apply, verify, publish: end_pass()
    });
    if (on_refreshed_) {
        on_refreshed_(records_); // while libvirt is at work
    }
}

void Reconciler::refresh(Observation seen)
{
    if (abilities_.tuning != seen.abilities.tuning) {
        log_info("what this host can give a guest: {}", describe(seen.abilities.tuning));
    }
    abilities_ = seen.abilities;
    refresh_records(records_, images_, std::move(seen.domains), ended_.take(), pass_);
    problems_.report("BeforeImagesUnseen", images_.unseen_problem(), Problems::Log::once);
}

PlanningInput Reconciler::planning_input() const
{
    return {.config = config_,
            .topology = *topology_,
            .records = records_,
            .abilities = abilities_,
            .boot_id = images_.boot_id(),
            .steps = steps_,
            .look = first_look_ ? IntentInput::Look::first : IntentInput::Look::later,
            .watch = guard_ != nullptr ? &guard_->main() : nullptr,
            .tidy_vcpus = tidy_allowance_.left(Clock::now())};
}

bool Reconciler::is_sound(const PassPlan& planned)
{
    for (const auto& rule : planned.broken) {
        log_event(LogEvent::invariant_broken, "the plan breaks a rule: " + printable(rule),
                  {{"PASS", std::to_string(pass_)}});
    }
    const auto broken = !planned.broken.empty();
    problems_.set("InvariantBroken", broken ? printable(planned.broken.front(), 1024) : "");
    return !broken;
}

// Where a partition has not gone off, nothing is pinned; the next attempt comes with a delay.
void Reconciler::leave_isolated(DueDomains& due)
{
    const auto fails = [this](DomainRecord& record, const DomainActions* actions) {
        auto error = find_still_isolated(record, actions);
        if (error) {
            fail(record, std::move(*error));
        }
        return error.has_value();
    };
    std::erase_if(due.actions, [this, &fails](const DomainActions& actions) {
        return fails(records_.at(actions.uuid), &actions);
    });
    std::erase_if(due.unchanged,
                  [&fails](DomainRecord* record) { return fails(*record, nullptr); });
}

void Reconciler::fail(DomainRecord& record, Error error)
{
    const auto& facts = record.seen.facts;
    Outcome failed{.uuid = facts.uuid, .name = facts.name, .id = facts.id};
    failed.errors.push_back(std::move(error));
    conclude(record, &failed);
}

// Nothing is touched whose former state is not safe on disk.
void Reconciler::save_before_images(std::vector<DomainActions> actions)
{
    state_ = State::saving;
    images_.save(
        records_, std::move(actions),
        [this](DomainRecord& record, Error error) { fail(record, std::move(error)); },
        [this](std::vector<DomainActions> saved) { apply(std::move(saved)); });
}

void Reconciler::apply(std::vector<DomainActions> actions)
{
    if (!actions.empty() && !plan_is_current()) {
        replan();
        return;
    }
    std::erase_if(actions, [this, input = planning_input()](DomainActions& action) {
        auto& record = records_.at(action.uuid);
        const auto completed = complete_actions(action, record, input);
        if (!completed) {
            conclude(record, nullptr);
        }
        return !completed;
    });
    if (actions.empty()) {
        isolate();
        return;
    }
    state_ = State::applying;
    arrived_ = false;
    slow_apply_.start(slow_apply_after);
    apply_next(std::make_shared<ApplyQueue>(std::move(actions), records_, waiters_));
}

void Reconciler::apply_next(const std::shared_ptr<ApplyQueue>& queue)
{
    host_.apply(queue->take_job(records_), [this, queue](const std::vector<Outcome>& outcomes) {
        for (const auto& outcome : outcomes) {
            take_outcome(outcome);
        }
        const auto others = waiters_.any_for_next() || arrived_ || waiters_.ask_for_one();
        const auto makes_way = others && queue->may_make_way(records_.size());
        if (!queue->empty() && plan_is_current() && !makes_way) {
            apply_next(queue);
            return;
        }
        slow_apply_.stop();
        for (const auto& uuid : queue->rest()) {
            wait_again_for(uuid);
        }
        isolate();
    });
}

bool Reconciler::plan_is_current() const
{
    return plan_.topology_generation == topology_->generation;
}

// The host changed before anything was applied: the same waiters, another plan.
void Reconciler::replan()
{
    log_debug("pass {}: the host changed meanwhile; planning anew", pass_);
    state_ = State::idle;
    next_depth_ = std::max(next_depth_, depth_);
    waiters_.put_off();
    begin_pass();
}

void Reconciler::take_outcome(Outcome outcome)
{
    auto* record = find(outcome.uuid);
    if (record == nullptr) {
        return;
    }
    const auto after = take_in(*record, outcome, Clock::now());
    if (after == AfterIntake::put_off) {
        wait_again_for(outcome.uuid);
    }
    if (after != AfterIntake::conclude) {
        return;
    }
    conclude_pinned(*record, &outcome);
    again_ = again_ || !outcome.kept_plugged.empty(); // they get CPUs of their own then
    if (!plan_is_current()) {
        record->retry_now(); // what failed was meant for another host; the next pass is at hand
    }
}

// Nothing was done for it in this pass; whoever asked for it, or for all, hears of the next one.
void Reconciler::wait_again_for(const DomainUuid& uuid)
{
    again_ = true;
    waiters_.put_off(uuid);
}

// The verdict of one that is to have its CPUs to itself waits for that.
void Reconciler::conclude_pinned(DomainRecord& record, const Outcome* outcome)
{
    power_.tell(record, plan_);
    if (!isolation_.keep(record, outcome)) {
        conclude(record, outcome);
    }
}

void Reconciler::isolate()
{
    state_ = State::isolating;
    const auto refused = depth_ == ObserveDepth::affinities ? IsolationSteps::Refused::again
                                                            : IsolationSteps::Refused::not_again;
    isolation_.put_on(
        // Another topology: the next pass is at hand, with another plan.
        {.records = records_, .plan = plan_, .topology = plan_is_current() ? topology_ : nullptr},
        refused,
        [this](DomainRecord& record, const Outcome* outcome) { conclude(record, outcome); },
        [this] { end_pass(std::nullopt); });
}

void Reconciler::conclude(DomainRecord& record, const Outcome* outcome)
{
    if (auto verdict = record_outcome(record, outcome, pass_, Clock::now())) {
        publisher_.keep(record, std::move(*verdict));
    }
    // Not by record.failures: a lost connection does not count there. While it is deferred, the
    // running domain still has our pins.
    const auto done = outcome == nullptr || (outcome->errors.empty() && outcome->differs.empty());
    if (record.decision.restore && done && !record.deferred && record.before) {
        images_.forget(record); // the domain is as it was found
        record.placed_id.reset();
        record.placed_policy.reset();
        again_ = true; // its pins are somebody else's now, which makes it another decision
    }
}

void Reconciler::clean_up_images()
{
    images_.clean_up(records_, [this](const std::string& problem) {
        problems_.report("BeforeImages", problem, Problems::Log::once);
    });
}

void Reconciler::end_pass(const std::optional<Error>& failure)
{
    if (!failure) {
        power_.follow(records_); // what changes at once calls for another pass
    }
    state_ = State::idle;
    clean_up_images();
    if (!failure) {
        first_look_ = false;
        if (guard_ != nullptr) {
            guard_->pass_gone_through();
        }
    } else if (connection_ && !stopped_) {
        next_depth_ = std::max(next_depth_, depth_); // that is still to be looked at
        retry_.pass_failed();
        log_warning("pass {}: {}", pass_, printable(failure->message, 1024));
    }
    publish();
    publisher_.announce();
    waiters_.end_pass(failure,
                      [this](const DomainUuid& uuid) { return request_result(records_, uuid); });
    if (again_ || (waiters_.any_for_next() && connection_)) {
        begin_pass();
    } else if (!stopped_ && connection_) {
        retry_.schedule(records_);
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

// ---- questions ------------------------------------------------------------------------------

ManagerViewInput Reconciler::state() const
{
    return {.config = config_,
            .topology = topology_.get(),
            .connection = connection_ ? &*connection_ : nullptr,
            .plan = plan_,
            .records = records_,
            .problems = problems_.texts(),
            .phase = stopped_      ? ServicePhase::stopping
                     : heard_host_ ? ServicePhase::running
                                   : ServicePhase::starting};
}

} // namespace virtpind
