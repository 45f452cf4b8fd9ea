// SPDX-License-Identifier: LGPL-2.1-or-later
#include "retreat.hpp"

#include "daemon/planner/place/guest_shape.hpp"
#include "housekeeping.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <tuple>
#include <utility>

namespace virtpind {

namespace {

constexpr std::size_t retreats_max = 4;
constexpr std::size_t small_cores_max = 16; // that are tried for one domain

Loss least_loss(const Intent& intent)
{
    if (intent.policy.numa == NumaChoice::spread) {
        return {};
    }
    return {.nodes = std::max<std::uint64_t>(1, cells_of(intent).size())};
}

// It has the whole of some L3 with V-cache or, for want of one core, nothing of it.
bool could_fill_vcache(const HostIndex& host, const Intent& intent)
{
    const auto smt = intent.policy.smt;
    const auto one_per_core = smt == SmtChoice::isolate || smt == SmtChoice::spread;
    for (std::uint32_t i = 0; i < host.l3_cpus.size(); ++i) {
        if (!is_big_cache(host, L3Index{i}) || host.l3_cpus[i].empty()) {
            continue;
        }
        const auto threads = host.cores[host.core_at(host.l3_cpus[i].front())].set.size();
        const auto size = host.l3_cpus[i].size();
        const auto need = intent.vcpus_online.size() * (one_per_core ? threads : 1);
        if (need <= size && need + threads > size) {
            return true;
        }
    }
    return false;
}

class Retreat {
public:
    Retreat(Fleet& fleet, const RetreatTask& task, RetreatBudget& budget)
        : fleet_{fleet}
        , host_{fleet.host()}
        , task_{task}
        , budget_{budget}
        , all_{(task.room.around.free | task.housekeeping) - task.room.around.claimed}
    {}

    std::vector<CpuSet> run()
    {
        if (task_.housekeeping.empty() || !could_help() || budget_.questions == 0) {
            return {};
        }
        auto best = ask({});
        if (!best || loss_of(host_, task_.intent, best) >= task_.now) {
            return {};
        }
        best_ = loss_of(host_, task_.intent, best);
        spare_first_cpu(*best);
        const auto kept = keep_most(best->claim);
        if (!kept.empty()) {
            return {kept};
        }
        auto places = housekeeping_elsewhere(host_, {.usable = fleet_.usable(),
                                                     .wished = task_.housekeeping,
                                                     .occupied = best->claim,
                                                     .taken = task_.room.around.claimed,
                                                     .around = best->claim});
        if (places.empty()) {
            places = small_cores(best->claim);
        }
        if (places.size() > retreats_max) {
            places.resize(retreats_max);
        }
        return places;
    }

private:
    [[nodiscard]] std::size_t vcpus() const { return task_.intent.vcpus_online.size(); }

    std::optional<Placed> ask(const CpuSet& housekeeping)
    {
        if (budget_.questions == 0) {
            return std::nullopt;
        }
        --budget_.questions;
        return what_if_housekeeping(fleet_, task_, housekeeping);
    }

    // Of places that are alike, one that leaves the host its first CPU, where much of the kernel's
    // own work is.
    void spare_first_cpu(Placed& best)
    {
        const auto first = host_.online.front();
        const auto core = host_.cores[host_.core_at(first)].set & task_.housekeeping;
        if (!core.contains(first) || !best.claim.intersects(core)) {
            return;
        }
        auto other = ask(core);
        const auto costs = [](const Placed& placed) {
            return std::pair{terms_of(placed.cost, CostTermInfo::Weight::wished),
                             placed.cost[CostTerm::moves]};
        };
        if (other && loss_of(host_, task_.intent, other) <= best_ && costs(*other) <= costs(best)) {
            best = std::move(*other);
        }
    }

    // Those CPUs would be enough for it, and not without housekeeping.
    [[nodiscard]] bool could_hold(const CpuSet& cpus) const
    {
        return task_.housekeeping.intersects(cpus) && all_.common(cpus) >= vcpus();
    }

    // Whether any housekeeping can matter to what it has lost: no placement is tried.
    [[nodiscard]] bool could_help() const
    {
        const auto least = least_loss(task_.intent);
        const auto& now = task_.now;
        return now.place
                   ? could_hold(host_.online)
                   : (now.kind > 0 && could_have_kind()) ||
                         (now.low_power > 0 && could_have_usual()) ||
                         (now.doubled > 0 && could_have_cores()) ||
                         (now.nodes > least.nodes && could_span_fewer()) ||
                         (now.device && could_be_near()) || (now.vcache && could_have_vcache());
    }

    [[nodiscard]] bool could_have_kind() const
    {
        const auto& kinds = host_.topology->kinds;
        return std::any_of(kinds.begin(), kinds.end(), [this](const Kind& kind) {
            return is_wished(kind.core_class, task_.intent.policy.cores) && could_hold(kind.cpus);
        });
    }

    // Some core is kept from it that is no low-power one.
    [[nodiscard]] bool could_have_usual() const
    {
        const auto cpus = all_ & task_.housekeeping;
        return std::any_of(cpus.begin(), cpus.end(),
                           [this](CpuId cpu) { return !is_low_power(host_, host_.cpu(cpu).kind); });
    }

    // Something of a core is kept from it that would be of its kind.
    [[nodiscard]] bool could_have_cores() const
    {
        const auto& allowed = task_.intent.policy.cpus;
        const auto kept = all_ & task_.housekeeping;
        const auto cpus = allowed.empty() ? kept : kept & allowed;
        return std::any_of(cpus.begin(), cpus.end(), [this](CpuId cpu) {
            const auto core_class = at_id(host_.topology->kinds, host_.cpu(cpu).kind).core_class;
            return task_.now.kind > 0 || is_wished(core_class, task_.intent.policy.cores);
        });
    }

    // The largest nodes, one fewer than it is on, would be enough for it. Cells are counted one by
    // one: what they span says little of that.
    [[nodiscard]] bool could_span_fewer() const
    {
        std::vector<std::size_t> sizes;
        for (const auto& cpus : host_.node_cpus) {
            sizes.push_back(all_.common(cpus));
        }
        std::sort(sizes.begin(), sizes.end(), std::greater{});
        std::size_t room = 0;
        for (std::size_t i = 0; i < sizes.size() && i + 1 < task_.now.nodes; ++i) {
            room += sizes[i];
        }
        return !task_.intent.cells.empty() || room >= vcpus();
    }

    [[nodiscard]] bool could_be_near() const
    {
        auto nodes = device_nodes(host_, task_.intent);
        return could_hold(
            host_.topology->cpus_of(nodes.empty() ? host_.topology->memory_nodes() : nodes));
    }

    [[nodiscard]] bool could_have_vcache() const
    {
        CpuSet cpus;
        for (std::uint32_t i = 0; i < host_.l3_cpus.size(); ++i) {
            cpus |= is_big_cache(host_, L3Index{i}) ? host_.l3_cpus[i] : CpuSet{};
        }
        return could_hold(cpus);
    }

    // All of housekeeping but what `claim` is on, and of that the cores without which the domain
    // does as well: the search does not avoid what costs it nothing.
    CpuSet keep_most(const CpuSet& claim)
    {
        auto in_the_way = cores_used_by(host_, task_.housekeeping, claim);
        auto kept = task_.housekeeping - in_the_way;
        for (const auto& place : housekeeping_elsewhere(host_, {.usable = in_the_way,
                                                               .wished = task_.housekeeping,
                                                               .occupied = {},
                                                               .taken = {},
                                                               .around = claim})) {
            for (const auto cpu : place) {
                const auto core = host_.cores[host_.core_at(cpu)].set & task_.housekeeping;
                if (core.front() != cpu || kept.includes(core)) {
                    continue;
                }
                const auto placed = ask(kept | core);
                if (placed && loss_of(host_, task_.intent, placed) <= best_) {
                    kept |= core;
                }
            }
        }
        return kept;
    }

    // What one core may cost it by being kept: of two that are alike in this, one need be tried.
    [[nodiscard]] auto likeness(const CpuSet& place) const
    {
        const auto& core = host_.cores[host_.core_at(place.front())];
        const auto& cpus = task_.intent.policy.cpus;
        const auto l3 = is_big_cache(host_, core.l3) ? std::optional{core.l3} : std::nullopt;
        return std::tuple{core.node, core.kind, l3, place.size(),
                          cpus.empty() ? place.size() : cpus.common(place)};
    }

    // Where its best place leaves no core whole: those beside which it loses less all the same, the
    // least first, and of equals the smallest.
    std::vector<CpuSet> small_cores(const CpuSet& claim)
    {
        auto places = housekeeping_elsewhere(host_, {.usable = fleet_.usable(),
                                                     .wished = task_.housekeeping,
                                                     .occupied = {},
                                                     .taken = task_.room.around.claimed,
                                                     .around = claim});
        std::stable_sort(places.begin(), places.end(),
                         [](const CpuSet& a, const CpuSet& b) { return a.size() < b.size(); });
        std::vector<decltype(likeness(claim))> tried;
        std::vector<std::pair<Loss, CpuSet>> helpful;
        for (auto& place : places) {
            const auto like = likeness(place);
            if (tried.size() == small_cores_max ||
                std::find(tried.begin(), tried.end(), like) != tried.end()) {
                continue;
            }
            tried.push_back(like);
            if (const auto placed = ask(place)) {
                const auto loss = loss_of(host_, task_.intent, placed);
                if (loss < task_.now) {
                    helpful.emplace_back(loss, std::move(place));
                }
            }
        }
        std::stable_sort(helpful.begin(), helpful.end(),
                         [](const auto& a, const auto& b) { return a.first < b.first; });
        places.clear();
        for (auto& [loss, place] : helpful) {
            places.push_back(std::move(place));
        }
        return places;
    }

    Fleet& fleet_;
    const HostIndex& host_;
    const RetreatTask& task_;
    RetreatBudget& budget_;
    CpuSet all_; // that nobody claims, housekeeping or not
    Loss best_;  // without any housekeeping
};

} // namespace

Loss loss_of(const HostIndex& host, const Intent& intent, const std::optional<Placed>& placed)
{
    if (!placed) {
        return {.place = true};
    }
    const auto& cost = placed->cost;
    return {.place = false,
            .kind = cost[CostTerm::kind],
            .low_power = cost[CostTerm::low_power],
            .doubled = cost[CostTerm::doubled],
            .nodes = intent.policy.numa == NumaChoice::spread ? 0 : cost[CostTerm::nodes],
            .device = cost[CostTerm::device] > 0,
            .vcache = cost[CostTerm::small_cache] > 0 && could_fill_vcache(host, intent)};
}

bool loses_anything(const HostIndex& host, const Intent& intent,
                    const std::optional<Placed>& placed)
{
    return least_loss(intent) < loss_of(host, intent, placed);
}

std::optional<Placed> what_if_housekeeping(Fleet& fleet, const RetreatTask& task,
                                           const CpuSet& housekeeping)
{
    auto room = task.room;
    room.around.free =
        ((room.around.free | task.housekeeping) - room.around.claimed) - housekeeping;
    room.around.housekeeping = housekeeping;
    return fleet.what_if(task.intent, room);
}

std::vector<CpuSet> find_retreats(Fleet& fleet, const RetreatTask& task, RetreatBudget& budget)
{
    return Retreat{fleet, task, budget}.run();
}

} // namespace virtpind
