// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fleet_search.hpp"

#include "fleet_conflicts.hpp"
#include "fleet_costs.hpp"
#include "housekeeping.hpp"
#include "placing_order.hpp"

#include <algorithm>
#include <queue>
#include <utility>

namespace virtpind {

namespace {

constexpr std::size_t searched_domains_max = 12;
constexpr std::size_t searched_cpus_max = 64;
// Counted work: domains placed in the search; and newcomers whose own bound is computed at all,
// each for the price of placing it once more.
constexpr std::size_t searches_max = 200;
constexpr std::size_t bounds_max = searched_domains_max;

class FleetSearch {
public:
    explicit FleetSearch(Fleet& fleet)
        : fleet_{fleet}, host_{fleet.host()}, finder_{host_}, best_cost_{fleet_cost(fleet)}
    {
        for (const auto index : placing_order(fleet, false)) {
            auto& member = fleet.members()[index];
            if (counts_in_fleet(member)) {
                parties_.push_back({.member = &member,
                                    .fixed = !is_newcomer(member),
                                    .around = {},
                                    .available = {},
                                    .nodes = std::nullopt});
            }
        }
    }

    FleetSearched run()
    {
        FleetSearched result;
        result.report.newcomers = static_cast<std::size_t>(std::count_if(
            parties_.begin(), parties_.end(), [](const Party& party) { return !party.fixed; }));
        bound_ = best_cost_;
        if (result.report.newcomers > 0 && !is_one_and_proven(result.report.newcomers)) {
            for (const auto& party : parties_) {
                best_.push_back(*party.member);
            }
            look_around();
            start(result.report.newcomers);
            if (bound_ < best_cost_ && is_small()) {
                search();
            }
            keep_best();
        }
        result.report.cost = best_cost_;
        result.report.bound = bound_;
        result.moved = moved_;
        return result;
    }

private:
    using Stands = FleetConflicts::Stands;

    struct Later {
        bool operator()(const FleetBranch& a, const FleetBranch& b) const
        {
            return a.bound != b.bound ? a.bound > b.bound : a.number < b.number;
        }
    };

    // What is best for one alone, beside those that stay, is best for all where they lose nothing
    // to it: it is on none of their cores.
    [[nodiscard]] bool is_one_and_proven(std::size_t newcomers) const
    {
        return newcomers == 1 &&
               std::all_of(parties_.begin(), parties_.end(), [this](const Party& party) {
                   return party.fixed || (party.member->placed && party.member->placed->proven &&
                                          is_on_no_core_of_others(*party.member));
               });
    }

    [[nodiscard]] bool is_on_no_core_of_others(const Member& member) const
    {
        const auto cores = cores_used_by(host_, host_.online, member.claim);
        return std::none_of(parties_.begin(), parties_.end(), [&](const Party& party) {
            return party.member != &member && party.member->claim.intersects(cores);
        });
    }

    void unplace_newcomers()
    {
        for (auto& party : parties_) {
            if (!party.fixed) {
                fleet_.unplace(*party.member);
            }
        }
    }

    // What those that stay leave to each.
    void look_around()
    {
        unplace_newcomers();
        for (std::size_t i = 0; i < parties_.size(); ++i) {
            auto& party = parties_[i];
            auto& member = *party.member;
            party.around = fleet_.around(member, Fleet::Claims::all);
            if (party.fixed) {
                continue;
            }
            const auto booked = std::exchange(member.memory, {});
            fleet_.memory().give_back(booked);
            party.available = fleet_.memory_for(member, Fleet::Memory::beside_all);
            member.memory = booked;
            fleet_.memory().take_again(booked);
            const auto home = home_nodes(host_, *member.intent);
            const auto at_home = best_[i].placed && home.includes(nodes_of(best_[i].placed->pins));
            if (!home.empty() && (member.intent->memory_locked || at_home)) {
                party.nodes = home;
            }
        }
    }

    [[nodiscard]] NodeSet nodes_of(const VcpuMap& pins) const
    {
        NodeSet nodes;
        for (const auto& [vcpu, cpu] : pins) {
            nodes.insert(host_.node_id(host_.cpu(cpu).node));
        }
        return nodes;
    }

    // Nothing is decided. Who has the least already needs no search.
    void start(std::size_t newcomers)
    {
        const auto least = fleet_terms_of(least_cost());
        for (std::size_t i = 0; i < parties_.size(); ++i) {
            const auto& party = parties_[i];
            const auto& placed = best_[i].placed;
            const auto* pins = placed ? &placed->pins : nullptr;
            const auto cheap =
                pins != nullptr && (party.fixed || cost_of_alone(party, *pins) == least);
            if (cheap) {
                root_.push_back(finder_.with_known(party, *pins));
            } else if (newcomers > bounds_max) {
                root_.push_back(StandFinder::unknown());
            } else {
                auto stand = finder_.first(party);
                root_.push_back(pins != nullptr && stand->placed
                                    ? finder_.with_pins(party, stand, *pins)
                                    : std::move(stand));
            }
        }
        bound_ = std::min(bound_of(root_), best_cost_);
    }

    [[nodiscard]] Cost cost_of_alone(const Party& party, const VcpuMap& pins) const
    {
        return fleet_terms_of(cost_of(host_, *party.member->intent, party.around, pins));
    }

    [[nodiscard]] FleetCost bound_of(const Stands& stands) const
    {
        FleetCost bound;
        for (std::size_t i = 0; i < stands.size(); ++i) {
            auto& level = bound.at(parties_[i].member->intent->policy.priority);
            if (stands[i]->placed) {
                level.cost += stands[i]->bound;
            } else {
                ++level.unplaced;
            }
        }
        return bound;
    }

    // Domains that never run together may have the same CPUs, and those that run without a place
    // take what newcomers leave: neither is part of the search.
    [[nodiscard]] bool is_small() const
    {
        if (parties_.size() > searched_domains_max || host_.online.size() > searched_cpus_max ||
            host_.crossing) {
            return false;
        }
        return std::none_of(
            fleet_.members().begin(), fleet_.members().end(), [this](const Member& member) {
                const auto waits = member.role == Member::Role::dedicated && is_active(member) &&
                                   !counts_in_fleet(member);
                return waits ||
                       (is_active(member) &&
                        std::any_of(parties_.begin(), parties_.end(), [&](const Party& party) {
                            return never_together(*party.member, member);
                        }));
            });
    }

    void search()
    {
        CpuSet free;
        for (const auto& party : parties_) {
            free |= party.fixed ? CpuSet{} : party.around.free;
        }
        FleetConflicts conflicts{host_, parties_, finder_, free};
        open(root_);
        while (!branches_.empty() && branches_.top().bound < best_cost_ &&
               finder_.searches() + placings_ < searches_max) {
            const auto branch = branches_.top();
            branches_.pop();
            look_at(branch, conflicts);
        }
        bound_ = std::min(best_cost_, unresolved_.value_or(best_cost_));
        if (!branches_.empty()) {
            bound_ = std::min(bound_, branches_.top().bound);
        }
    }

    void open(const Stands& stands)
    {
        auto bound = bound_of(stands);
        if (bound < best_cost_) {
            branches_.push({.bound = std::move(bound), .number = ++numbers_, .stands = stands});
        }
    }

    void look_at(const FleetBranch& branch, FleetConflicts& conflicts)
    {
        auto cases = conflicts.over_zones(branch.stands);
        if (!cases) {
            cases = conflicts.over_kinds(branch.stands);
        }
        if (!cases) {
            auto stands = branch.stands;
            if (place_by(stands) <= branch.bound && best_cost_ <= branch.bound) {
                return;
            }
            cases = conflicts.over_company(stands);
            if (!cases) {
                cases = conflicts.over_cores(stands);
            }
        }
        if (!cases) { // nothing that is seen here is in the way
            unresolved_ = std::min(branch.bound, unresolved_.value_or(branch.bound));
            return;
        }
        for (const auto& stands : *cases) {
            open(stands);
        }
    }

    // Places the newcomers for real, each where its stand has its vCPUs as far as zones go; then
    // the stands are what came of that, where it is as good.
    FleetCost place_by(Stands& stands)
    {
        unplace_newcomers();
        for (std::size_t i = 0; i < stands.size(); ++i) {
            if (parties_[i].fixed || !stands[i]->placed) {
                continue;
            }
            auto limits = stands[i]->limits;
            for (std::size_t zone = 0; zone < limits.zones.size(); ++zone) {
                limits.zones[zone].most = stands[i]->zones[zone];
            }
            place_one(parties_[i], &limits);
        }
        for (std::size_t i = 0; i < stands.size(); ++i) {
            const auto& placed = parties_[i].member->placed;
            if (parties_[i].fixed) {
                continue;
            }
            if (!placed) {
                place_one(parties_[i], nullptr);
            } else {
                stands[i] = finder_.with_pins(parties_[i], stands[i], placed->pins);
            }
        }
        auto cost = fleet_cost(fleet_);
        if (cost < best_cost_ && keeps_turns(cost)) {
            best_cost_ = cost;
            moved_ = true;
            for (std::size_t i = 0; i < parties_.size(); ++i) {
                best_[i] = *parties_[i].member;
            }
        }
        return cost;
    }

    // Who has a place goes by turns, as long as no more can have one: what that costs is no reason
    // to give it to another.
    [[nodiscard]] bool keeps_turns(const FleetCost& cost) const
    {
        const auto as_many =
            std::equal(cost.levels().begin(), cost.levels().end(), best_cost_.levels().begin(),
                       [](const auto& a, const auto& b) { return a.unplaced == b.unplaced; });
        return !as_many ||
               std::equal(parties_.begin(), parties_.end(), best_.begin(),
                          [](const Party& party, const Member& before) {
                              return party.member->placed.has_value() == before.placed.has_value();
                          });
    }

    void place_one(Party& party, const PackLimits* limits)
    {
        ++placings_;
        fleet_.place(*party.member, Fleet::Claims::all, Fleet::MoveReason::own, limits);
    }

    // Every newcomer where the best plan has it.
    void keep_best()
    {
        unplace_newcomers();
        for (std::size_t i = 0; i < parties_.size(); ++i) {
            if (!parties_[i].fixed) {
                fleet_.restore(*parties_[i].member, std::move(best_[i]));
            }
        }
    }

    Fleet& fleet_;
    const HostIndex& host_;
    StandFinder finder_;
    std::vector<Party> parties_; // in the order of their turns
    std::vector<Member> best_;   // as the best plan so far has them, by party
    FleetCost best_cost_;
    FleetCost bound_;
    Stands root_;
    std::priority_queue<FleetBranch, std::vector<FleetBranch>, Later> branches_;
    std::optional<FleetCost> unresolved_; // the least bound of branches that nothing splits
    std::size_t numbers_ = 0;
    std::size_t placings_ = 0;
    bool moved_ = false;
};

} // namespace

FleetSearched search_fleet(Fleet& fleet)
{
    return FleetSearch{fleet}.run();
}

} // namespace virtpind
