// SPDX-License-Identifier: LGPL-2.1-or-later
// The best plan of a tiny fleet by trying every place of every newcomer beside all others.
#pragma once

#include "common/model/plan_request.hpp"
#include "daemon/planner/place/guest_shape.hpp"
#include "daemon/planner/place/placer.hpp"
#include "daemon/planner/place/siblings.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

namespace virtpind::test {

// Domains without memory, own cores for their threads, or rivals. Running ones stay where the plan
// has them.
class BruteForceFleet {
public:
    BruteForceFleet(const HostIndex& host, const PlanRequest& request, const Plan& plan)
        : host_{host}, request_{request}, plan_{plan}, places_(request.intents.size())
    {
        for (std::size_t i = 0; i < request.intents.size(); ++i) {
            if (request.intents[i].activity == Activity::running) {
                places_[i] = {place_of(i, pins_of_plan(i))};
            } else {
                find_places(i);
            }
        }
    }

    [[nodiscard]] FleetCost best()
    {
        std::vector<const Place*> chosen(places_.size(), nullptr);
        try_from(0, {}, chosen);
        return *best_;
    }

    [[nodiscard]] FleetCost cost_of_plan() const
    {
        std::vector<Place> places(places_.size());
        std::vector<const Place*> chosen(places_.size(), nullptr);
        for (std::size_t i = 0; i < places_.size(); ++i) {
            if (plan_.domains[i].placement == Placement::dedicated) {
                places[i] = place_of(i, pins_of_plan(i));
                chosen[i] = &places[i];
            }
        }
        return cost_of_all(chosen);
    }

private:
    struct Place {
        VcpuMap pins;
        CpuSet claim;
    };

    [[nodiscard]] VcpuMap pins_of_plan(std::size_t at) const
    {
        VcpuMap pins;
        for (const auto vcpu : request_.intents[at].vcpus_online) {
            pins[vcpu] = plan_.domains[at].vcpus.at(vcpu).front();
        }
        return pins;
    }

    [[nodiscard]] Place place_of(std::size_t at, const VcpuMap& pins) const
    {
        return {.pins = pins, .claim = claim_of(host_, request_.intents[at].policy, pins)};
    }

    void find_places(std::size_t at)
    {
        const auto& intent = request_.intents[at];
        if (lacks_siblings(host_, intent)) {
            return;
        }
        const std::vector<VcpuId> vcpus(intent.vcpus_online.begin(), intent.vcpus_online.end());
        VcpuMap pins;
        pin_from(at, vcpus, 0, pins, {});
    }

    // Of the maps with equal CPUs, those of least cost alone: what others claim adds the same to
    // each.
    void pin_from(std::size_t at, const std::vector<VcpuId>& vcpus, std::size_t next, VcpuMap& pins,
                  CpuSet used)
    {
        if (next == vcpus.size()) {
            if (holds(request_.intents[at], pins)) {
                keep_cheapest(at, pins, used);
            }
            return;
        }
        const auto& policy = request_.intents[at].policy;
        const auto by_devices = device_cpus(host_, request_.intents[at]);
        for (const auto cpu : free()) {
            if (used.contains(cpu) || (!policy.cpus.empty() && !policy.cpus.contains(cpu)) ||
                (by_devices && !by_devices->contains(cpu))) {
                continue;
            }
            auto more = used;
            more.insert(cpu);
            pins[vcpus[next]] = cpu;
            pin_from(at, vcpus, next + 1, pins, more);
            pins.erase(vcpus[next]);
        }
    }

    void keep_cheapest(std::size_t at, const VcpuMap& pins, const CpuSet& used)
    {
        const Surroundings nobody{
            .free = free(), .claimed = {}, .housekeeping = plan_.housekeeping};
        const auto cost = fleet_terms_of(cost_of(host_, request_.intents[at], nobody, pins));
        const auto [entry, fresh] = known_[at].try_emplace(used.str(), places_[at].size());
        if (fresh) {
            places_[at].push_back(place_of(at, pins));
            costs_[at].push_back(cost);
        } else if (cost < costs_[at][entry->second]) {
            places_[at][entry->second] = place_of(at, pins);
            costs_[at][entry->second] = cost;
        }
    }

    [[nodiscard]] CpuSet free() const { return plan_.usable - plan_.housekeeping; }

    [[nodiscard]] bool holds(const Intent& intent, const VcpuMap& pins) const
    {
        const auto& policy = intent.policy;
        IdSet<KindIndex> kinds;
        IdSet<NodeIndex> nodes;
        IdSet<CoreIndex> cores;
        for (const auto& [vcpu, id] : pins) {
            const auto& cpu = host_.cpu(id);
            const auto& core = host_.cores[host_.core_at(id)];
            const auto whole = policy.smt == SmtChoice::require || policy.smt == SmtChoice::isolate;
            const auto low_power =
                at_id(host_.topology->kinds, core.kind).core_class == CoreClass::low_power;
            if ((whole && !free().includes(core.set)) ||
                (low_power && policy.cores != CoreChoice::any)) {
                return false;
            }
            kinds.insert(cpu.kind);
            nodes.insert(cpu.node);
            cores.insert(cpu.core);
        }
        const auto one_per_core = policy.smt == SmtChoice::isolate;
        return (policy.cores == CoreChoice::any || kinds.size() <= 1) &&
               (policy.fallback != Fallback::fail ||
                is_wished(host_.topology->kinds[raw(kinds.front())].core_class, policy.cores)) &&
               (policy.numa != NumaChoice::single || nodes.size() <= 1) &&
               (!one_per_core || cores.size() == pins.size());
    }

    void try_from(std::size_t at, const CpuSet& claimed, std::vector<const Place*>& chosen)
    {
        if (at == places_.size()) {
            auto cost = cost_of_all(chosen);
            best_ = best_ ? std::min(*best_, cost) : std::move(cost);
            return;
        }
        for (const auto& place : places_[at]) {
            if (!place.claim.intersects(claimed)) {
                chosen[at] = &place;
                try_from(at + 1, claimed | place.claim, chosen);
            }
        }
        chosen[at] = nullptr;
        if (request_.intents[at].activity == Activity::arriving) {
            try_from(at + 1, claimed, chosen);
        }
    }

    [[nodiscard]] FleetCost cost_of_all(const std::vector<const Place*>& chosen) const
    {
        FleetCost sum;
        for (std::size_t i = 0; i < chosen.size(); ++i) {
            auto& level = sum.at(request_.intents[i].policy.priority);
            if (chosen[i] == nullptr) {
                ++level.unplaced;
                continue;
            }
            Surroundings around{.free = free(), .claimed = {}, .housekeeping = plan_.housekeeping};
            for (std::size_t j = 0; j < chosen.size(); ++j) {
                if (j != i && chosen[j] != nullptr) {
                    around.claimed |= chosen[j]->claim;
                }
            }
            around.free -= around.claimed;
            const auto cost = cost_of(host_, request_.intents[i], around, chosen[i]->pins);
            level.cost += fleet_terms_of(cost);
        }
        return sum;
    }

    const HostIndex& host_;
    const PlanRequest& request_;
    const Plan& plan_;
    std::vector<std::vector<Place>> places_;                          // by position of the domain
    std::map<std::size_t, std::map<std::string, std::size_t>> known_; // by the CPUs used
    std::map<std::size_t, std::vector<Cost>> costs_;
    std::optional<FleetCost> best_;
};

} // namespace virtpind::test
