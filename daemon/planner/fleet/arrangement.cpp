// SPDX-License-Identifier: LGPL-2.1-or-later
#include "arrangement.hpp"

#include "fleet_search.hpp"
#include "housekeeping.hpp"
#include "kept_housekeeping.hpp"
#include "placing_order.hpp"
#include "rearrange.hpp"
#include "reservations.hpp"
#include "tidying.hpp"

#include <algorithm>
#include <utility>

namespace virtpind {

namespace {

constexpr std::size_t trials_max = 8;
constexpr std::size_t rests_max = 4;

struct Trial {
    std::unique_ptr<Fleet> fleet = nullptr; // nullptr: it cannot be tried
    FleetReport report = {};
};

Trial place_all(const HostIndex& host, const PlanRequest& request, const CpuSet& usable,
                const CpuSet& housekeeping)
{
    auto fleet = std::make_unique<Fleet>(host, request, usable, housekeeping);
    reserve_present_cpus(*fleet);
    for (const auto index : placing_order(*fleet, false)) {
        fleet->place(fleet->members()[index], Fleet::Claims::all, Fleet::MoveReason::own);
    }
    auto report = rearrange(*fleet);
    return {std::move(fleet), std::move(report)};
}

std::uint64_t moves_of(const Member& member)
{
    return member.placed ? member.placed->cost[CostTerm::moves] : 0;
}

// Nobody loses more than before, and no running domain moves for it.
bool costs_nobody(const Fleet& before, const Fleet& after)
{
    for (std::size_t i = 0; i < before.members().size(); ++i) {
        const auto& was = before.members()[i];
        const auto& is = after.members()[i];
        if (was.role == Member::Role::dedicated && is_active(was) &&
            (loss_in(before, was) < loss_in(after, is) ||
             (is_running(was) && moves_of(was) < moves_of(is)))) {
            return false;
        }
    }
    return true;
}

// It may lose something to housekeeping, and is not where it stays.
bool may_lose(const Fleet& fleet, const Member& member)
{
    return member.role == Member::Role::dedicated && is_active(member) && !runs_in_place(member) &&
           loses_anything(fleet.host(), *member.intent, member.placed);
}

bool same_claims(const Fleet& a, const Fleet& b)
{
    return std::equal(a.members().begin(), a.members().end(), b.members().begin(),
                      [](const Member& x, const Member& y) { return x.claim == y.claim; });
}

class Arranging {
public:
    Arranging(const HostIndex& host, const PlanRequest& request, const CpuSet& usable)
        : host_{host}, request_{request}, usable_{usable}
    {}

    Arrangement run() &&
    {
        if (request_.housekeeping) {
            adopt(place_all(host_, request_, usable_, *request_.housekeeping & usable_));
            tidy_up();
            return std::move(result_);
        }
        result_.wished = auto_housekeeping(*host_.topology, usable_, request_.intents);
        adopt(place_all(host_, request_, usable_, beside_running(result_.wished)));
        const auto alike = nobody_may_lose();
        give_way();
        if (!alike) {
            leave_cluster();
        }
        come_to_rest(Places::may_be_anew);
        if (tidy_up()) {
            come_to_rest(Places::stay);
        }
        return std::move(result_);
    }

private:
    // What running domains leave of housekeeping, each in its place.
    CpuSet beside_running(const CpuSet& wished) const
    {
        // Whoever claims whole cores may have siblings of its CPUs there.
        const auto cores = cores_used_by(host_, host_.online, wished);
        if (std::none_of(request_.intents.begin(), request_.intents.end(),
                         [&cores](const Intent& intent) { return has_pins_on(intent, cores); })) {
            return wished;
        }
        Fleet fleet{host_, request_, usable_, {}};
        reserve_present_cpus(fleet);
        Occupied occupied;
        for (const auto& member : fleet.members()) {
            const auto in_place = is_running(member) && !member.kept_pins.conflict;
            if (member.role != Member::Role::dedicated || in_place) {
                add_claim(occupied, member, wished);
            }
        }
        return remaining_beside(fleet, wished, occupied);
    }

    [[nodiscard]] bool nobody_may_lose() const
    {
        const auto& members = result_.fleet->members();
        return std::none_of(members.begin(), members.end(), [this](const Member& member) {
            return may_lose(*result_.fleet, member);
        });
    }

    // A whole cluster of efficiency cores is more than the host needs: nobody loses anything to
    // that which one core would leave. Who came too late for what was given up may have come in
    // time.
    void leave_cluster()
    {
        const auto least = beside_running(
            auto_housekeeping(*host_.topology, usable_, request_.intents, Efficiency::one_core));
        if (least == beside_running(result_.wished)) {
            return;
        }
        auto trial = place_all(host_, request_, usable_, least);
        if (!costs_nobody(*trial.fleet, *result_.fleet)) {
            adopt(std::move(trial));
            give_way();
        }
    }

    void give_way()
    {
        while (give_way_once()) {
        }
    }

    // To the first domain that loses less then; false where there is none.
    bool give_way_once()
    {
        auto& fleet = *result_.fleet;
        CpuSet later; // claims of those that have their turn after it, and will find another place
        const auto order = placing_order(fleet, false);
        for (const auto index : order) {
            later |=
                may_go_elsewhere(fleet.members()[index]) ? fleet.members()[index].claim : CpuSet{};
        }
        for (const auto index : order) {
            auto& member = fleet.members()[index];
            later -= member.claim;
            if (!may_lose(fleet, member)) {
                continue;
            }
            if (try_all(index, retreats_for(member, later)) ||
                (!later.empty() && try_all(index, retreats_for(member, {})))) {
                return true;
            }
        }
        return false;
    }

    static bool may_go_elsewhere(const Member& member)
    {
        return member.intent->activity == Activity::arriving;
    }

    void adopt(Trial trial)
    {
        result_.fleet = std::move(trial.fleet);
        result_.report = std::move(trial.report);
    }

    bool accept(std::size_t index, Trial trial)
    {
        const auto& fleet = *result_.fleet;
        const auto better = trial.fleet &&
                            loss_in(*trial.fleet, trial.fleet->members()[index]) <
                                loss_in(fleet, fleet.members()[index]) &&
                            costs_nobody(fleet, *trial.fleet);
        if (better) {
            adopt(std::move(trial));
        }
        return better;
    }

    // With all others where they are, as the next plan finds them; no fleet where they are in
    // the way of housekeeping.
    [[nodiscard]] Trial place_one(std::size_t index, const CpuSet& housekeeping) const
    {
        for (const auto& other : result_.fleet->members()) {
            if (is_active(other) && other.claim.intersects(housekeeping)) {
                return {};
            }
        }
        auto fleet = std::make_unique<Fleet>(*result_.fleet);
        auto& member = fleet->members()[index];
        fleet->put_housekeeping_on(housekeeping);
        for (auto& other : fleet->members()) { // some stay where they are, all or nothing
            if (other.role == Member::Role::dedicated && is_running(other) && !other.placed &&
                other.intent->policy.fallback == Fallback::fail) {
                other.claim |= current_exclusive_cpus(
                    host_, other, fleet->around(other, Fleet::Claims::active).free);
            }
        }
        fleet->unplace(member);
        fleet->place(member, Fleet::Claims::all, Fleet::MoveReason::own);
        fleet->put_housekeeping_on(housekeeping); // what the others cost beside it
        auto report = search_fleet(*fleet).report;
        return {std::move(fleet), std::move(report)};
    }

    // The first of `retreats` with which the domain at `index` loses less and nobody more.
    bool try_all(std::size_t index, const std::vector<CpuSet>& retreats)
    {
        for (const auto& retreat : retreats) {
            if (trials_ == trials_max) {
                return false;
            }
            ++trials_;
            if (accept(index, place_all(host_, request_, usable_, retreat)) ||
                accept(index, place_one(index, retreat))) {
                return true;
            }
        }
        return false;
    }

    // As if nobody had `later`.
    std::vector<CpuSet> retreats_for(Member& member, const CpuSet& later)
    {
        auto& fleet = *result_.fleet;
        fleet.memory().give_back(member.memory); // while it is asked where it could be
        Fleet::Availability room{.around = fleet.around(member, Fleet::Claims::active),
                                 .memory = MemoryLedger::Others::booked};
        room.around.claimed -= later;
        room.around.free |= later;
        auto retreats = find_retreats(fleet,
                                      {.intent = *member.intent,
                                       .now = loss_in(fleet, member),
                                       .room = room,
                                       .housekeeping = fleet.housekeeping()},
                                      result_.budget);
        fleet.memory().take_again(member.memory);
        return retreats;
    }

    bool tidy_up()
    {
        auto& fleet = *result_.fleet;
        const auto moved = request_.tidy_vcpus > 0 && tidy(fleet, request_.tidy_vcpus);
        if (moved) {
            result_.report = search_fleet(fleet).report; // given where those that run are now
        }
        return moved;
    }

    // The next plan finds these domains running where they are. The search may move newcomers, who
    // then leave other CPUs to housekeeping.
    enum class Places { may_be_anew, stay };

    void come_to_rest(Places places)
    {
        for (std::size_t round = 0; round < rests_max; ++round) {
            auto& fleet = *result_.fleet;
            auto rest = remaining_beside(fleet, result_.wished);
            if (rest == fleet.housekeeping()) {
                return;
            }
            auto trial =
                places == Places::stay ? Trial{} : place_all(host_, request_, usable_, rest);
            if (trial.fleet && same_claims(fleet, *trial.fleet)) {
                adopt(std::move(trial));
            } else {
                fleet.put_housekeeping_on(std::move(rest));
                result_.report = search_fleet(fleet).report;
            }
        }
    }

    const HostIndex& host_;
    const PlanRequest& request_;
    const CpuSet& usable_;
    Arrangement result_;
    std::size_t trials_ = 0;
};

} // namespace

Arrangement arrange(const HostIndex& host, const PlanRequest& request, const CpuSet& usable)
{
    return Arranging{host, request, usable}.run();
}

} // namespace virtpind
