// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fleet_conflicts.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace virtpind {

namespace {

// They ask for the same, and nothing but their names tells them apart.
bool ask_alike(const Intent& a, const Intent& b)
{
    const auto same_devices =
        std::equal(a.devices.begin(), a.devices.end(), b.devices.begin(), b.devices.end(),
                   [](const IntentDevice& x, const IntentDevice& y) { return x.nodes == y.nodes; });
    return same_devices && a.policy == b.policy && a.vcpus_online == b.vcpus_online &&
           a.topology == b.topology && a.cells == b.cells &&
           a.iothreads.size() == b.iothreads.size() && a.memory_kib == b.memory_kib &&
           a.hugepage_kib == b.hugepage_kib && a.memory_locked == b.memory_locked &&
           a.has_memory == b.has_memory && a.memory_nodes == b.memory_nodes &&
           a.realtime == b.realtime && a.current == b.current;
}

} // namespace

FleetConflicts::FleetConflicts(const HostIndex& host, const std::vector<Party>& parties,
                               StandFinder& finder, const CpuSet& free)
    : host_{host}, parties_{parties}, finder_{finder}
{
    for (auto zone = host_.zones.size(); zone-- > 0;) {
        CpuSet cpus;
        IdSet<NodeIndex> nodes;
        for (const auto core : host_.zones[zone].cores) {
            cpus |= at_id(host_.cores, core).set;
            nodes.insert(at_id(host_.cores, core).node);
        }
        // The placer chooses nodes before it knows how many vCPUs several of them may hold, unless
        // that is too few anywhere.
        if (nodes.size() == 1 || zone + 1 == host_.zones.size()) {
            zones_.push_back({.spot = {.kind = Spot::Kind::zone, .at = zone},
                              .cpus = cpus.common(free),
                              .sizes = core_sizes(host_.zones[zone].cores)});
        }
    }
    for (std::size_t core = 0; core < host_.cores.size(); ++core) {
        const auto size = host_.cores[core].cpus.size();
        cores_.push_back({.spot = {.kind = Spot::Kind::core, .at = core},
                          .cpus = host_.cores[core].set.common(free),
                          .sizes = {.least = size, .most = size}});
    }
    for (const auto& kind : host_.topology->kinds) {
        kinds_.push_back(kind.cpus.common(free));
    }
    for (std::size_t i = 0; i < parties_.size(); ++i) {
        std::size_t first = 0;
        while (first < i &&
               (parties_[i].fixed || parties_[first].fixed ||
                parties_[i].nodes != parties_[first].nodes ||
                parties_[i].available != parties_[first].available ||
                !ask_alike(*parties_[i].member->intent, *parties_[first].member->intent))) {
            ++first;
        }
        alike_.push_back(first);
    }
}

bool FleetConflicts::has_stand_in(const Stands& stands, const std::vector<std::size_t>& among,
                                  std::size_t party) const
{
    return std::any_of(among.begin(), among.end(), [&](std::size_t other) {
        const auto& mine = *stands[party];
        const auto& theirs = *stands[other];
        return other < party && alike_[other] == alike_[party] && mine.limits == theirs.limits &&
               mine.demanded == theirs.demanded && mine.beside == theirs.beside;
    });
}

FleetConflicts::CoreSizes FleetConflicts::core_sizes(const IdSet<CoreIndex>& cores) const
{
    CoreSizes sizes{.least = id_set_limit, .most = 0};
    for (const auto core : cores) {
        sizes.least = std::min(sizes.least, at_id(host_.cores, core).cpus.size());
        sizes.most = std::max(sizes.most, at_id(host_.cores, core).cpus.size());
    }
    return sizes;
}

std::optional<FleetConflicts::Cases> FleetConflicts::over_zones(const Stands& stands)
{
    return over_capacities(stands, zones_);
}

std::optional<FleetConflicts::Cases> FleetConflicts::over_cores(const Stands& stands)
{
    return over_capacities(stands, cores_);
}

// The fewest CPUs that a domain claims where it has so many vCPUs.
std::size_t FleetConflicts::fewest_claimed(const Policy& policy, const CoreSizes& sizes,
                                           std::size_t vcpus)
{
    if (policy.smt == SmtChoice::isolate) {
        return vcpus * sizes.least;
    }
    if (policy.smt == SmtChoice::require && sizes.least == sizes.most) {
        return (vcpus + sizes.least - 1) / sizes.least * sizes.least;
    }
    return vcpus;
}

std::size_t FleetConflicts::claimed_in(const Capacity& capacity, const Stands& stands) const
{
    std::size_t claimed = 0;
    for (std::size_t i = 0; i < stands.size(); ++i) {
        if (!parties_[i].fixed) {
            claimed += fewest_claimed(parties_[i].member->intent->policy, capacity.sizes,
                                      stands[i]->count(capacity.spot));
        }
    }
    return claimed;
}

// The first of those there has fewer vCPUs; or it has not, but the second has; and so on.
std::optional<FleetConflicts::Cases>
FleetConflicts::over_capacities(const Stands& stands, const std::vector<Capacity>& capacities)
{
    const auto full =
        std::find_if(capacities.begin(), capacities.end(), [&](const Capacity& capacity) {
            return claimed_in(capacity, stands) > capacity.cpus;
        });
    if (full == capacities.end()) {
        return std::nullopt;
    }
    Cases cases;
    std::vector<Change> stay;
    std::vector<std::size_t> there;
    for (std::size_t i = 0; i < stands.size(); ++i) {
        const auto count = stands[i]->count(full->spot);
        if (parties_[i].fixed || count == 0) {
            continue;
        }
        std::vector<std::size_t> as_many;
        std::copy_if(there.begin(), there.end(), std::back_inserter(as_many),
                     [&](std::size_t other) { return stands[other]->count(full->spot) == count; });
        if (!has_stand_in(stands, as_many, i)) {
            auto changes = stay;
            changes.emplace_back(i, at_most(stands, i, full->spot, count - 1));
            add_case(cases, stands, changes);
        }
        there.push_back(i);
        stay.emplace_back(i, at_least(stands, i, full->spot, count));
    }
    return cases;
}

std::vector<std::size_t> FleetConflicts::on_kind(const Stands& stands, KindIndex kind) const
{
    std::vector<std::size_t> there;
    for (std::size_t i = 0; i < stands.size(); ++i) {
        const auto& pins = stands[i]->pins;
        if (!parties_[i].fixed && !pins.empty() &&
            parties_[i].member->intent->policy.cores != CoreChoice::any &&
            host_.cpu(pins.begin()->second).kind == kind) {
            there.push_back(i);
        }
    }
    return there;
}

std::optional<FleetConflicts::Cases> FleetConflicts::over_kinds(const Stands& stands)
{
    for (std::size_t at = 0; at < kinds_.size() && kinds_.size() > 1; ++at) {
        const KindIndex kind{static_cast<std::uint32_t>(at)};
        const auto there = on_kind(stands, kind);
        std::size_t vcpus = 0;
        for (const auto party : there) {
            vcpus += stands[party]->pins.size();
        }
        if (vcpus <= kinds_[at]) {
            continue;
        }
        Cases cases;
        for (const auto party : there) {
            if (has_stand_in(stands, there, party)) {
                continue;
            }
            add_case(cases, stands, {{party, off_kind(stands, party, kind)}});
        }
        return cases;
    }
    return std::nullopt;
}

std::optional<FleetConflicts::Cases> FleetConflicts::over_company(const Stands& stands)
{
    for (std::size_t i = 0; i < stands.size(); ++i) {
        if (!stands[i]->placed ||
            finder_.cost_beside(parties_[i], *stands[i], {}) == cost_in_company(stands, i)) {
            continue;
        }
        for (std::size_t j = 0; j < stands.size(); ++j) {
            const auto both_stay = parties_[i].fixed && parties_[j].fixed;
            const auto core = i == j || both_stay || !stands[j]->placed ? std::nullopt
                                                                        : costly_core(stands, i, j);
            if (core) {
                return cases_at(stands, i, j, *core);
            }
        }
    }
    return std::nullopt;
}

// With all others where they stand.
Cost FleetConflicts::cost_in_company(const Stands& stands, std::size_t party) const
{
    CpuSet beside;
    for (std::size_t j = 0; j < stands.size(); ++j) {
        const auto other = j != party && !(parties_[party].fixed && parties_[j].fixed);
        for (std::size_t core = 0; other && core < host_.cores.size(); ++core) {
            if (stands[j]->cores[core] > 0) {
                beside.insert(host_.cores[core].cpus.front());
            }
        }
    }
    return finder_.cost_beside(parties_[party], *stands[party], beside);
}

// Where both are, and the first one pays for it.
std::optional<std::size_t> FleetConflicts::costly_core(const Stands& stands, std::size_t i,
                                                       std::size_t j) const
{
    const auto cost = finder_.cost_beside(parties_[i], *stands[i], {});
    for (std::size_t core = 0; core < host_.cores.size(); ++core) {
        const CpuSet beside{host_.cores[core].cpus.front()};
        if (stands[i]->cores[core] > 0 && stands[j]->cores[core] > 0 &&
            finder_.cost_beside(parties_[i], *stands[i], beside) != cost) {
            return core;
        }
    }
    return std::nullopt;
}

FleetConflicts::Cases FleetConflicts::cases_at(const Stands& stands, std::size_t i, std::size_t j,
                                               std::size_t core)
{
    const Spot spot{.kind = Spot::Kind::core, .at = core};
    Cases cases;
    if (!parties_[i].fixed) {
        add_case(cases, stands, {{i, at_most(stands, i, spot, 0)}});
    }
    if (!parties_[j].fixed && !has_stand_in(stands, {std::min(i, j)}, std::max(i, j))) {
        add_case(cases, stands,
                 {{i, at_least(stands, i, spot, 1)}, {j, at_most(stands, j, spot, 0)}});
    }
    add_case(cases, stands, {{i, in_company(stands, i, spot)}, {j, in_company(stands, j, spot)}});
    return cases;
}

StandPtr FleetConflicts::at_most(const Stands& stands, std::size_t party, const Spot& spot,
                                 std::size_t most)
{
    auto stand = *stands[party];
    stand.limit(spot).most = std::min(stand.limit(spot).most, most);
    return finder_.next(parties_[party], std::move(stand));
}

StandPtr FleetConflicts::at_least(const Stands& stands, std::size_t party, const Spot& spot,
                                  std::size_t least)
{
    if (parties_[party].fixed) {
        return stands[party];
    }
    auto stand = *stands[party];
    stand.limit(spot).least = std::max(stand.limit(spot).least, least);
    stand.demanded = true;
    return finder_.next(parties_[party], std::move(stand));
}

StandPtr FleetConflicts::off_kind(const Stands& stands, std::size_t party, KindIndex kind)
{
    auto stand = *stands[party];
    for (std::size_t core = 0; core < host_.cores.size(); ++core) {
        if (host_.cores[core].kind == kind) {
            stand.limits.cores[core].most = 0;
        }
    }
    return finder_.next(parties_[party], std::move(stand));
}

StandPtr FleetConflicts::in_company(const Stands& stands, std::size_t party, const Spot& spot)
{
    auto stand = *stands[party];
    if (!parties_[party].fixed) {
        stand.limit(spot).least = std::max<std::size_t>(stand.limit(spot).least, 1);
        stand.demanded = true;
    }
    stand.beside.insert(host_.cores[spot.at].cpus.front());
    return finder_.next(parties_[party], std::move(stand));
}

// Unless one of them cannot be.
void FleetConflicts::add_case(Cases& cases, const Stands& stands,
                              const std::vector<Change>& changes)
{
    auto changed = stands;
    for (const auto& [party, stand] : changes) {
        if (!stand) {
            return;
        }
        changed[party] = stand;
    }
    cases.push_back(std::move(changed));
}

} // namespace virtpind
