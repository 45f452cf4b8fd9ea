// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tidying.hpp"

#include "daemon/planner/place/guest_shape.hpp"
#include "fleet_costs.hpp"
#include "housekeeping.hpp"
#include "placing_order.hpp"

#include <algorithm>
#include <compare>
#include <cstdint>
#include <iterator>
#include <utility>
#include <vector>

namespace virtpind {

namespace {

constexpr std::size_t arrangements_max = 48;
constexpr std::size_t arrangements_each_max = 12;

using Movers = std::vector<Member*>;

struct Span {
    std::uint64_t nodes = 0;
    std::uint64_t l3s = 0;
    friend auto operator<=>(const Span&, const Span&) = default;
};

Span span_of(const Cost& cost)
{
    return {.nodes = cost[CostTerm::nodes], .l3s = cost[CostTerm::l3]};
}

// What somebody would notice.
Cost felt(const Cost& cost)
{
    auto terms = terms_of(cost, CostTermInfo::Weight::wished);
    terms[CostTerm::stacked] = cost[CostTerm::stacked];
    return terms;
}

std::size_t vcpus_of(const Movers& movers)
{
    std::size_t vcpus = 0;
    for (const auto* mover : movers) {
        vcpus += mover->intent->vcpus_online.size();
    }
    return vcpus;
}

// A way to serve somebody: who makes way, and which vCPUs of its own stay.
struct Way {
    Movers movers;
    VcpuMap kept;
    std::size_t vcpus = 0; // that move, as far as is known beforehand
};

class Tidying {
public:
    Tidying(Fleet& fleet, std::size_t vcpus) : fleet_{fleet}, host_{fleet.host()}, left_{vcpus} {}

    bool run()
    {
        const auto order = placing_order(fleet_, false);
        for (const auto arrives : {true, false}) {
            for (const auto index : order) {
                auto& member = fleet_.members()[index];
                if (is_newcomer(member) == arrives) {
                    help(member);
                }
            }
        }
        if (some_moved_) {
            for (auto& member : fleet_.members()) {
                if (member.placed && is_active(member)) {
                    member.placed->cost = cost_beside_others(fleet_, member);
                }
            }
        }
        return some_moved_;
    }

private:
    // It runs where it is pinned to, and may move.
    [[nodiscard]] bool may_move(const Member& member) const
    {
        const auto& intent = *member.intent;
        const auto in_place = [&](const auto& pin) {
            return present_cpu(host_, intent, pin.first) == pin.second;
        };
        return member.role == Member::Role::dedicated && is_running(member) && member.placed &&
               intent.policy.move != MoveLimit::never &&
               std::all_of(member.placed->pins.begin(), member.placed->pins.end(), in_place);
    }

    // Whether it is anything like as well placed as it could be.
    [[nodiscard]] bool could_span_less(const Member& member)
    {
        const auto now = span_of(member.placed->cost);
        if (now <= Span{.nodes = 1, .l3s = 1}) {
            return false;
        }
        const auto alone = fleet_.place_alone(member);
        return alone && span_of(alone->cost) < now;
    }

    void help(Member& member)
    {
        if (!member.placed || (!is_newcomer(member) && !may_move(member)) || attempts_ == 0 ||
            left_ == 0 || !could_span_less(member)) {
            return;
        }
        auto attempts = std::min(attempts_, arrangements_each_max);
        for (const auto& way : ways_for(member)) {
            if (attempts-- == 0 || attempts_-- == 0) {
                return;
            }
            if (try_way(member, way)) {
                some_moved_ = true;
                return;
            }
        }
    }

    [[nodiscard]] static VcpuMap pins_in(const Member& member, const CpuSet& zone)
    {
        VcpuMap pins;
        for (const auto& [vcpu, cpu] : member.placed->pins) {
            if (zone.contains(cpu)) {
                pins.emplace(vcpu, cpu);
            }
        }
        return pins;
    }

    // Into each L3 and each node that would hold it, and anywhere; where the fewest vCPUs move
    // comes first.
    [[nodiscard]] std::vector<Way> ways_for(Member& member)
    {
        std::vector<Way> ways;
        const auto runs = !is_newcomer(member);
        const auto vcpus = member.intent->vcpus_online.size();
        const auto free = fleet_.around(member, Fleet::Claims::active).free;
        for (const auto* zones : {&host_.l3_cpus, &host_.node_cpus}) {
            for (const auto& zone : *zones) {
                const auto need = member.claim.size();
                const auto here = free.common(zone);
                if (zone.size() < need) {
                    continue;
                }
                Way way{.movers = {}, .kept = runs ? pins_in(member, zone) : VcpuMap{}};
                if (here < need) {
                    way.movers = fewest_in(zone, need - here, member);
                }
                way.vcpus = vcpus_of(way.movers) + (runs ? vcpus - way.kept.size() : 0);
                if (way.movers.empty() ? runs && here >= need : way.vcpus <= left_) {
                    ways.push_back(std::move(way));
                }
            }
        }
        if (runs) {
            ways.push_back({.movers = {}, .kept = {}, .vcpus = vcpus});
        }
        std::stable_sort(ways.begin(), ways.end(),
                         [](const Way& a, const Way& b) { return a.vcpus < b.vcpus; });
        return ways;
    }

    // One or two others that leave so many CPUs of the zone when they go; none where no two do.
    [[nodiscard]] Movers fewest_in(const CpuSet& zone, std::size_t missing, const Member& for_whom)
    {
        struct Candidate {
            Member* member = nullptr;
            std::size_t leaves = 0;
        };

        std::vector<Candidate> candidates;
        for (auto& member : fleet_.members()) {
            if (&member != &for_whom && member.claim.intersects(zone) && may_move(member) &&
                member.intent->policy.priority <= for_whom.intent->policy.priority) {
                candidates.push_back({.member = &member, .leaves = member.claim.common(zone)});
            }
        }
        Movers best;
        const auto consider = [&](Movers movers, std::size_t leaves) {
            if (leaves >= missing && (best.empty() || vcpus_of(movers) < vcpus_of(best))) {
                best = std::move(movers);
            }
        };
        for (auto a = candidates.begin(); a != candidates.end(); ++a) {
            consider({a->member}, a->leaves);
            for (auto b = std::next(a); b != candidates.end(); ++b) {
                consider({a->member, b->member}, a->leaves + b->leaves);
            }
        }
        return best;
    }

    // All or nothing.
    bool try_way(Member& member, const Way& way)
    {
        auto moving = way.movers;
        moving.insert(moving.begin(), &member);
        std::vector<Member> before;
        std::vector<Cost> costs;
        for (auto* each : moving) {
            before.push_back(*each);
            costs.push_back(cost_beside_others(fleet_, *each));
        }
        for (auto* each : moving) {
            each->own_cores = each->own_cores || (wishes_own_cores(*each->intent) &&
                                                  each->placed->cost[CostTerm::stacked] == 0);
            fleet_.unplace(*each);
        }
        auto stands = is_newcomer(member)
                          ? fleet_.place(member, Fleet::Claims::all, Fleet::MoveReason::own)
                          : fleet_.place_keeping(member, way.kept);
        for (auto* mover : way.movers) {
            stands = stands && fleet_.place_keeping(*mover, {});
        }
        stands = stands && is_worth_it(moving, before, costs) && costs_nobody(moving, before);
        if (!stands) {
            restore_all(moving, std::move(before));
            return false;
        }
        note(moving, before, costs.front());
        return true;
    }

    void restore_all(const Movers& moving, std::vector<Member> before)
    {
        for (std::size_t i = 0; i < moving.size(); ++i) {
            fleet_.restore(*moving[i], std::move(before[i]));
        }
    }

    // The first spans less, and none of them is worse off.
    [[nodiscard]] bool is_worth_it(const Movers& moving, const std::vector<Member>& before,
                                   const std::vector<Cost>& costs) const
    {
        std::size_t moved = 0;
        for (std::size_t i = 0; i < moving.size(); ++i) {
            const auto cost = cost_beside_others(fleet_, *moving[i]);
            if (felt(costs[i]) < felt(cost) ||
                (i == 0 && (span_of(costs[i]) <= span_of(cost) || felt(costs[i]) == felt(cost)))) {
                return false;
            }
            moved += is_running(*moving[i]) ? moved_vcpus(before[i], *moving[i]).size() : 0;
        }
        return moved <= left_;
    }

    [[nodiscard]] static VcpuSet moved_vcpus(const Member& before, const Member& after)
    {
        VcpuSet moved;
        for (const auto& [vcpu, cpu] : before.placed->pins) {
            if (after.placed->pins.at(vcpu) != cpu) {
                moved.insert(vcpu);
            }
        }
        return moved;
    }

    // Nobody else is worse off: those on cores that were left or taken.
    [[nodiscard]] bool costs_nobody(const Movers& moving, std::vector<Member> before)
    {
        CpuSet claims;
        std::vector<Member> after;
        for (std::size_t i = 0; i < moving.size(); ++i) {
            claims |= before[i].claim | moving[i]->claim;
            after.push_back(*moving[i]);
        }
        const auto touched = cores_used_by(host_, host_.online, claims);
        std::vector<std::pair<const Member*, Cost>> others;
        for (const auto& other : fleet_.members()) {
            if (other.placed && is_active(other) && other.claim.intersects(touched) &&
                std::find(moving.begin(), moving.end(), &other) == moving.end()) {
                others.emplace_back(&other, felt(cost_beside_others(fleet_, other)));
            }
        }
        if (others.empty()) {
            return true;
        }
        restore_all(moving, std::move(before));
        const auto none_worse =
            std::all_of(others.begin(), others.end(), [this](const auto& other) {
                return other.second <= felt(cost_beside_others(fleet_, *other.first));
            });
        restore_all(moving, std::move(after));
        return none_worse;
    }

    void note(const Movers& moving, const std::vector<Member>& before, const Cost& cost)
    {
        const auto after = cost_beside_others(fleet_, *moving.front());
        for (std::size_t i = 0; i < moving.size(); ++i) {
            auto& member = *moving[i];
            if (!is_running(member)) {
                continue;
            }
            const auto moved = moved_vcpus(before[i], member);
            if (moved.empty()) {
                continue;
            }
            left_ -= moved.size();
            CpuSet from;
            for (const auto vcpu : moved) {
                from.insert(before[i].placed->pins.at(vcpu));
            }
            member.tidied = Tidied{.vcpus = moved.size(),
                                   .from = std::move(from),
                                   .for_whom = i == 0 ? nullptr : moving.front()->intent,
                                   .before = cost,
                                   .after = after};
        }
    }

    Fleet& fleet_;
    const HostIndex& host_;
    std::size_t left_; // vCPUs that may move
    std::size_t attempts_ = arrangements_max;
    bool some_moved_ = false;
};

} // namespace

bool tidy(Fleet& fleet, std::size_t vcpus)
{
    return Tidying{fleet, vcpus}.run();
}

} // namespace virtpind
