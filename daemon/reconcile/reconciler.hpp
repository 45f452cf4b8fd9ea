// SPDX-License-Identifier: LGPL-2.1-or-later
// THE SPINE: events -> observe -> intents -> plan -> diff -> apply -> verify. One pass at a time;
// whatever happens meanwhile makes one more pass. Level driven: an event only says "look again",
// and every pass starts from a fresh and full observation, so that lost, repeated and reordered
// events do no harm. Main thread only.
#pragma once

#include "common/model/config.hpp"
#include "common/model/control_port.hpp"
#include "common/model/libvirt_port.hpp"
#include "common/model/plan.hpp"
#include "daemon/loop/event_loop.hpp"
#include "daemon/state/crash_guard.hpp"
#include "domain_record.hpp"
#include "original_states.hpp"
#include "outcome.hpp"
#include "pass_steps.hpp"
#include "problems.hpp"
#include "waiters.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace virtpind {

// Libvirt cannot be reached now, in words for a caller.
[[nodiscard]] Error unreachable();

// What libvirt said when virtpind tried to `doing`, in words and a code for a caller: what libvirt
// denies to virtpind is not denied to the caller, and a wrong argument was not the caller's.
[[nodiscard]] Error translate_libvirt_error(Error error, std::string_view doing);

class Reconciler {
public:
    // `boot_id` is the host's; `before_images` are those found on disk at start, in the directory
    // `images_in`, which is for people.
    Reconciler(loop::EventLoop& loop, LibvirtPort& host, std::string boot_id,
               std::map<DomainUuid, BeforeImage> before_images,
               std::string images_in = "the state directory");

    // Who is shown the state from now on; must outlive this or be replaced.
    void show_to(ViewSink& sink) { sink_ = &sink; }

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
    void look_anew(const DomainUuid& uuid);

    // Whether one more may wait: asked before anything is changed that a pass is to follow.
    [[nodiscard]] Result<void> check_slot() const { return waiters_.check_slot(); }

    // Keeps a slot for one that will ask for a pass later; it gives it back when it asks.
    void keep_slot() noexcept { waiters_.keep_slot(); }

    void give_slot_back() noexcept { waiters_.give_slot_back(); }

    [[nodiscard]] bool connected() const noexcept { return connection_.has_value(); }

    [[nodiscard]] const Records& records() const noexcept { return records_; }

    [[nodiscard]] DomainRecord* find(const DomainUuid& uuid);
    [[nodiscard]] const DomainRecord* find(const DomainUuid& uuid) const;

    [[nodiscard]] const Config& config() const noexcept { return config_; }

    [[nodiscard]] const Topology* topology() const noexcept { return topology_.get(); }

    [[nodiscard]] const Plan& plan() const noexcept { return plan_; }

    [[nodiscard]] std::uint64_t passes() const noexcept { return pass_; }

    // Grows with every publication: what was derived from the state before is old.
    [[nodiscard]] std::uint64_t revision() const noexcept { return revision_; }

    // The plan as it would be if `uuid` had `policy`; nothing is changed. Errors: try_policy().
    // Of a domain that is known.
    [[nodiscard]] Result<void> check_policy(const DomainUuid& uuid, const Policy& policy) const;
    [[nodiscard]] Result<TrialPlan> plan_with(const DomainUuid& uuid, const Policy& policy) const;
    [[nodiscard]] ManagerView manager_view() const;
    // Sends the present state to the sink.
    void publish();

private:
    void take(const LibvirtConnected& up);
    void take(const LibvirtLost& down);
    void take(const DomainChanged& changed);
    void take(const EventsOverflowed& overflowed);

    enum class State { idle, observing, saving, applying };

    void check_housekeeping();
    void check_unseen_images();
    void begin_pass();
    void on_observed(Result<Observation> seen);
    void refresh_records(Observation&& seen);
    void look_for_lost_policy(DomainRecord& record, const ObservedDomain& now) const;
    [[nodiscard]] PlanningInput planning_input() const;
    [[nodiscard]] bool make_safe_plan(std::vector<Decision> decisions);
    [[nodiscard]] std::optional<DomainActions> actions_of(DomainRecord& record);
    [[nodiscard]] std::vector<DomainActions> collect_actions();
    [[nodiscard]] bool is_its_turn(const DomainRecord& record,
                                   std::chrono::steady_clock::time_point now) const;
    void save_before_images(std::vector<DomainActions> actions);
    void apply(std::vector<DomainActions> actions);
    [[nodiscard]] bool plan_is_current() const;
    void replan();
    [[nodiscard]] bool complete(DomainActions& actions);
    void sort_by_urgency(std::vector<DomainActions>& actions) const;
    [[nodiscard]] std::size_t count_of_one_job(const std::vector<DomainActions>& actions,
                                               std::size_t at) const;
    void apply_next(const std::shared_ptr<std::vector<DomainActions>>& actions, std::size_t at);
    static void take_write(DomainRecord& record, const Outcome& outcome);
    void take_outcome(const Outcome& outcome);
    void announce();
    void wait_again_for(const DomainUuid& uuid);
    void settle(DomainRecord& record, const Outcome* outcome);
    void forget_restored(DomainRecord& record);
    void clean_up_images();
    void refuse_waiters();
    void end_pass(const std::optional<Error>& failure);
    [[nodiscard]] Result<void> verdict(const Waiter& waiter,
                                       const std::optional<Error>& failure) const;
    void on_period();
    void schedule_retry();

    LibvirtPort& host_;
    ViewSink* sink_ = nullptr;
    host::CrashGuard* guard_ = nullptr;
    BeforeImages images_;
    const std::string images_in_;
    Config config_;
    std::shared_ptr<const Topology> topology_;
    std::optional<LibvirtConnected> connection_;

    Records records_;
    // Stopped or undefined, as events said: before the present look began, and since. What a look
    // does not show any more can be told from what it does not show yet only by the former. More
    // than so many are as if their events had been lost.
    static constexpr std::size_t ended_max = 4096;
    std::set<DomainUuid> ended_;
    std::set<DomainUuid> ended_since_;
    DriverCapabilities abilities_;
    Plan plan_;
    Problems problems_;

    State state_ = State::idle;
    bool again_ = false;   // something happened during the pass
    bool arrived_ = false; // while it was being applied, a domain was started
    bool stopped_ = false;
    bool heard_host_ = false; // the first connection was attempted
    bool first_look_ = true;  // since the connection came

    // What this pass did to domains, told when its views are published: before, the bus may not
    // know the domain yet.
    struct Announcement {
        DomainUuid uuid;
        std::uint64_t generation = 0;
        Verdict verdict;
    };

    std::vector<Announcement> announcements_;
    ObserveDepth next_depth_ = ObserveDepth::affinities;
    ObserveDepth depth_ = ObserveDepth::affinities; // of the latest look
    std::uint64_t pass_ = 0;
    std::uint64_t revision_ = 0;
    unsigned failed_passes_ = 0;
    Waiters waiters_;

    std::function<void()> each_period_;
    std::function<void(const Records&)> on_refreshed_;
    loop::Timer period_;
    loop::Timer retry_;
    loop::Timer slow_apply_; // shows `applying` only when it takes long
};

} // namespace virtpind
