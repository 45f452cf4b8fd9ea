// SPDX-License-Identifier: LGPL-2.1-or-later
// THE SPINE: observe, decide, plan, check, diff, save, apply, verify, publish. One pass runs at a
// time; events during a pass lead to one more pass. It is level-triggered: an event only says "look
// again", and every pass starts from a fresh and full observation, so that lost, repeated and
// reordered events do no harm. Main thread only.
#pragma once

#include "apply_queue.hpp"
#include "common/model/config.hpp"
#include "common/model/control_port.hpp"
#include "common/model/libvirt_port.hpp"
#include "common/model/plan.hpp"
#include "daemon/loop/event_loop.hpp"
#include "daemon/state/crash_guard.hpp"
#include "domain_record.hpp"
#include "ended_domains.hpp"
#include "isolation_steps.hpp"
#include "original_states.hpp"
#include "outcome.hpp"
#include "pass_steps.hpp"
#include "power_steps.hpp"
#include "problems.hpp"
#include "publisher.hpp"
#include "retry_timer.hpp"
#include "tidy_allowance.hpp"
#include "waiters.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace virtpind {

class Reconciler {
public:
    // `boot_id` is that of the host; `before_images` are those on disk at start, in the directory
    // `images_in`, which sentences name. `loop` and `host` must outlive this object.
    Reconciler(loop::EventLoop& loop, LibvirtPort& host, std::string boot_id,
               std::map<DomainUuid, BeforeImage> before_images,
               std::string images_in = "the state directory");

    // Replaces the receiver of views; it must outlive this object or be replaced.
    void show_to(ViewSink& sink) { publisher_.show_to(sink); }

    // --- input ------------------------------------------------------------------------------
    void on_event(const LibvirtEvent& event);
    // A snapshot of the host. If its generation is new, a pass begins, and changes that were
    // planned for the former one are no longer applied.
    void on_topology(std::shared_ptr<const Topology> topology);
    void on_config(Config config);

    // Shows a Problem on the bus until it is cleared with an empty text.
    void set_problem(const std::string& code, const std::string& text)
    {
        problems_.set(code, text);
    }

    void stop(); // no further pass begins

    // The guard that remembers, across a crash, at which domain the work was. It must outlive this
    // object.
    void guard_with(CrashGuard& guard) { guard_ = &guard; }

    // Who isolates guests' CPUs, where it can be had. It must outlive this object.
    void isolate_with(IsolationPort& port) { isolation_.use(port); }

    // Who holds the host's power profile. It must outlive this object.
    void hold_profile_with(PowerPort& port);

    // Replaces the planner's functions from the next pass on.
    void plan_with(PlannerSteps steps) { steps_ = steps; }

    // A task that runs once a period, beside the pass.
    void each_period(std::function<void()> also) { each_period_ = std::move(also); }

    // A task that gets the records after each observation, once the changes are on their way.
    void on_refreshed(std::function<void(const Records&)> also) { on_refreshed_ = std::move(also); }

    // --- requests (of Controller) -----------------------------------------------------------
    // Runs a pass. `reply` gets the result for `uuid`, or for all domains, of the first pass that
    // begins after this call; limits_exceeded at once if `waiting_max` callers wait already, for
    // the running pass or the next.
    static constexpr std::size_t waiting_max = Waiters::waiting_max;
    void request_pass(std::optional<DomainUuid> uuid, PassReply reply);

    // Runs a pass without a waiter.
    void request_full_pass();

    // A caller asks for this domain: the next pass looks at it even if starts died at it.
    void look_anew(const DomainUuid& uuid)
    {
        if (guard_ != nullptr) {
            guard_->look_anew(uuid);
        }
    }

    // Whether another caller may wait: to be checked before a change that a pass must follow.
    [[nodiscard]] Result<void> check_slot() const { return waiters_.check_slot(); }

    // Reserves a slot for a later request_pass(); give it back just before that call.
    void keep_slot() noexcept { waiters_.keep_slot(); }

    void give_slot_back() noexcept { waiters_.give_slot_back(); }

    [[nodiscard]] bool connected() const noexcept { return connection_.has_value(); }

    [[nodiscard]] const Records& records() const noexcept { return records_; }

    // nullptr where there is none.
    [[nodiscard]] DomainRecord* find(const DomainUuid& uuid) { return find_record(records_, uuid); }

    [[nodiscard]] const DomainRecord* find(const DomainUuid& uuid) const
    {
        return find_record(records_, uuid);
    }

    [[nodiscard]] const Config& config() const noexcept { return config_; }

    [[nodiscard]] const Topology* topology() const noexcept { return topology_.get(); }

    [[nodiscard]] const Plan& plan() const noexcept { return plan_; }

    [[nodiscard]] std::uint64_t passes() const noexcept { return pass_; }

    // As Publisher::revision().
    [[nodiscard]] std::uint64_t revision() const noexcept { return publisher_.revision(); }

    // The present state, for its views and reports; valid until it changes.
    [[nodiscard]] ManagerViewInput state() const;

    // The same for trial_plan.hpp. Precondition: a domain is known, so there is a topology.
    [[nodiscard]] PlanningInput trial_input() const
    {
        auto input = planning_input();
        input.watch = nullptr; // no start dies of what a caller asks
        return input;
    }

    // Sends the present state to the sink.
    void publish() { publisher_.publish(state()); }

private:
    void take(const LibvirtConnected& up);
    void take(const LibvirtLost& down);
    void take(const DomainChanged& changed);
    void take(const EventsOverflowed& overflowed);

    enum class State { idle, observing, saving, applying, isolating };

    void check_housekeeping();
    void begin_pass();
    void on_observed(Result<Observation> seen);
    void refresh(Observation seen);
    void plan_changes();
    [[nodiscard]] PlanningInput planning_input() const;
    [[nodiscard]] bool is_sound(const PassPlan& planned);
    void leave_isolated(DueDomains& due);
    void fail(DomainRecord& record, Error error);
    void save_before_images(std::vector<DomainActions> actions);
    void apply(std::vector<DomainActions> actions);
    [[nodiscard]] bool plan_is_current() const;
    void replan();
    void apply_next(const std::shared_ptr<ApplyQueue>& queue);
    void take_outcome(Outcome outcome);
    void wait_again_for(const DomainUuid& uuid);
    void isolate();
    void conclude_pinned(DomainRecord& record, const Outcome* outcome);
    void conclude(DomainRecord& record, const Outcome* outcome);
    void clean_up_images();
    void end_pass(const std::optional<Error>& failure);
    void on_period();

    LibvirtPort& host_;
    CrashGuard* guard_ = nullptr;
    PlannerSteps steps_;
    BeforeImages images_;
    Config config_;
    std::shared_ptr<const Topology> topology_;
    std::optional<LibvirtConnected> connection_;

    Records records_;
    EndedDomains ended_;
    DriverCapabilities abilities_;
    Plan plan_;
    Problems problems_;

    State state_ = State::idle;
    bool again_ = false;   // an event or a request came during the pass
    bool arrived_ = false; // a domain was started while changes were being applied
    bool stopped_ = false;
    bool heard_host_ = false; // the first connection was attempted
    bool first_look_ = true;  // no pass has ended since the connection came

    ObserveDepth next_depth_ = ObserveDepth::affinities;
    ObserveDepth depth_ = ObserveDepth::affinities; // of the latest observation
    std::uint64_t pass_ = 0;
    Publisher publisher_;
    Waiters waiters_;
    IsolationSteps isolation_;
    TidyAllowance tidy_allowance_;
    PowerSteps power_;

    std::function<void()> each_period_;
    std::function<void(const Records&)> on_refreshed_;
    loop::Timer period_;
    RetryTimer retry_;
    loop::Timer slow_apply_; // shows `applying` only when it takes long
};

} // namespace virtpind
