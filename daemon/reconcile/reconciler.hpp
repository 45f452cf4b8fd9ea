// SPDX-License-Identifier: LGPL-2.1-or-later
// THE SPINE: events -> observe -> intents -> plan -> diff -> apply -> verify. One pass at a time;
// whatever happens meanwhile makes one more pass. Level driven: an event only says "look again",
// and every pass starts from a fresh and full observation, so that lost, repeated and reordered
// events do no harm. Main thread only.
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
#include "original_states.hpp"
#include "outcome.hpp"
#include "pass_steps.hpp"
#include "problems.hpp"
#include "publisher.hpp"
#include "retry_timer.hpp"
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
    // `boot_id` is the host's; `before_images` are those found on disk at start, in the directory
    // `images_in`, which is for people.
    Reconciler(loop::EventLoop& loop, LibvirtPort& host, std::string boot_id,
               std::map<DomainUuid, BeforeImage> before_images,
               std::string images_in = "the state directory");

    // Who is shown the state from now on; must outlive this or be replaced.
    void show_to(ViewSink& sink) { publisher_.show_to(sink); }

    // --- what happens to it -----------------------------------------------------------------
    void on_event(const LibvirtEvent& event);
    // A snapshot of the host; with another generation than the last it calls for a pass, and what
    // was planned for the last is not applied any more.
    void on_topology(std::shared_ptr<const Topology> topology);
    void on_config(Config config);

    // "Somebody should look at this": shown as a Problem until cleared with an empty text.
    void set_problem(const std::string& code, const std::string& text)
    {
        problems_.set(code, text);
    }

    void stop(); // no pass starts any more

    // Who remembers over the end of the process whose turn it was; outlives this.
    void guard_with(host::CrashGuard& guard) { guard_ = &guard; }

    // Another planner, from the next pass on.
    void plan_with(PlannerSteps steps) { steps_ = steps; }

    // What else is to be done once a period, beside the pass.
    void each_period(std::function<void()> also) { each_period_ = std::move(also); }

    // Who else wants to know what each look has seen, once what follows from it is under way.
    void on_refreshed(std::function<void(const Records&)> also) { on_refreshed_ = std::move(also); }

    // --- what may be asked of it (by Controller) -----------------------------------------------
    // Runs a pass; `reply` hears what came of `uuid` (or of all) in the first pass that begins
    // after this call; limits_exceeded, at once, when `waiting_max` wait already, for the running
    // pass or the next.
    static constexpr std::size_t waiting_max = Waiters::waiting_max;
    void request_pass(std::optional<DomainUuid> uuid, PassReply reply);

    // Runs a pass for whom nobody waits.
    void request_full_pass();

    // Somebody asks for this domain: it is looked at even where starts died at it.
    void look_anew(const DomainUuid& uuid)
    {
        if (guard_ != nullptr) {
            guard_->look_anew(uuid);
        }
    }

    // Whether one more may wait: asked before anything is changed that a pass is to follow.
    [[nodiscard]] Result<void> check_slot() const { return waiters_.check_slot(); }

    // Keeps a slot for one that will ask for a pass later; it gives it back when it asks.
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

    enum class State { idle, observing, saving, applying };

    void check_housekeeping();
    void begin_pass();
    void on_observed(Result<Observation> seen);
    void refresh(Observation seen);
    [[nodiscard]] PlanningInput planning_input() const;
    [[nodiscard]] bool is_sound(const PassPlan& planned);
    void save_before_images(std::vector<DomainActions> actions);
    void apply(std::vector<DomainActions> actions);
    [[nodiscard]] bool plan_is_current() const;
    void replan();
    void apply_next(const std::shared_ptr<ApplyQueue>& queue);
    void take_outcome(Outcome outcome);
    void wait_again_for(const DomainUuid& uuid);
    void conclude(DomainRecord& record, const Outcome* outcome);
    void clean_up_images();
    void end_pass(const std::optional<Error>& failure);
    void on_period();

    LibvirtPort& host_;
    host::CrashGuard* guard_ = nullptr;
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
    bool again_ = false;   // something happened during the pass
    bool arrived_ = false; // while it was being applied, a domain was started
    bool stopped_ = false;
    bool heard_host_ = false; // the first connection was attempted
    bool first_look_ = true;  // since the connection came

    ObserveDepth next_depth_ = ObserveDepth::affinities;
    ObserveDepth depth_ = ObserveDepth::affinities; // of the latest look
    std::uint64_t pass_ = 0;
    Publisher publisher_;
    Waiters waiters_;

    std::function<void()> each_period_;
    std::function<void(const Records&)> on_refreshed_;
    loop::Timer period_;
    RetryTimer retry_;
    loop::Timer slow_apply_; // shows `applying` only when it takes long
};

} // namespace virtpind
