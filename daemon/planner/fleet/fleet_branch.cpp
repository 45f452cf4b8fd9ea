// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fleet_branch.hpp"

#include <algorithm>
#include <utility>

namespace virtpind {

namespace {

Surroundings surroundings_with(const Surroundings& around, const CpuSet& beside)
{
    auto more = around;
    more.claimed |= beside;
    return more;
}

} // namespace

Stand StandFinder::undecided() const
{
    Stand stand;
    stand.limits.zones.resize(host_.zones.size());
    stand.limits.cores.resize(host_.cores.size());
    return stand;
}

StandPtr StandFinder::first(const Party& party)
{
    auto stand = undecided();
    search(party, stand);
    return std::make_shared<const Stand>(std::move(stand));
}

StandPtr StandFinder::with_known(const Party& party, const VcpuMap& pins) const
{
    auto stand = undecided();
    stand.placed = true;
    set_pins(stand, pins);
    stand.bound = cost_beside(party, stand, {});
    return std::make_shared<const Stand>(std::move(stand));
}

StandPtr StandFinder::unknown()
{
    Stand stand;
    stand.placed = true;
    stand.bound = fleet_terms_of(least_cost());
    return std::make_shared<const Stand>(std::move(stand));
}

StandPtr StandFinder::next(const Party& party, Stand stand)
{
    if (party.fixed) {
        stand.bound = std::max(stand.bound, cost_beside(party, stand, {}));
    } else if (stand.placed) {
        const auto before = stand.bound;
        if (!meets_limits(stand) || cost_beside(party, stand, {}) != before) {
            search(party, stand);
            stand.bound = std::max(stand.bound, before);
        }
    }
    if (!stand.placed && stand.demanded) {
        return nullptr;
    }
    return std::make_shared<const Stand>(std::move(stand));
}

StandPtr StandFinder::with_pins(const Party& party, const StandPtr& stand,
                                const VcpuMap& pins) const
{
    auto other = *stand;
    set_pins(other, pins);
    const auto as_good = cost_beside(party, other, {}) == stand->bound;
    return as_good ? std::make_shared<const Stand>(std::move(other)) : stand;
}

Cost StandFinder::cost_beside(const Party& party, const Stand& stand, const CpuSet& beside) const
{
    const auto around = surroundings_with(party.around, beside | stand.beside);
    return fleet_terms_of(cost_of(host_, *party.member->intent, around, stand.pins));
}

void StandFinder::search(const Party& party, Stand& stand)
{
    ++searches_;
    const auto around = surroundings_with(party.around, stand.beside);
    auto placed = place_dedicated(host_,
                                  PlaceTask{.intent = *party.member->intent,
                                            .around = around,
                                            .available_kib = party.available,
                                            .nodes = party.nodes,
                                            .kept = {},
                                            .limits = &stand.limits},
                                  tables_);
    stand.placed = placed.has_value();
    if (placed) {
        stand.bound = fleet_terms_of(placed->bound);
        set_pins(stand, std::move(placed->pins));
    } else {
        stand.bound = {};
        set_pins(stand, {});
    }
}

void StandFinder::set_pins(Stand& stand, VcpuMap pins) const
{
    stand.cores.assign(host_.cores.size(), 0);
    for (const auto& [vcpu, cpu] : pins) {
        ++stand.cores[host_.core_at(cpu)];
    }
    stand.zones.assign(host_.zones.size(), 0);
    for (std::size_t zone = 0; zone < host_.zones.size(); ++zone) {
        for (const auto core : host_.zones[zone].cores) {
            stand.zones[zone] += at_id(stand.cores, core);
        }
    }
    stand.pins = std::move(pins);
}

bool StandFinder::meets_limits(const Stand& stand)
{
    const auto meet = [](const std::vector<std::size_t>& counts,
                         const std::vector<CountLimit>& limits) {
        return std::equal(counts.begin(), counts.end(), limits.begin(),
                          [](std::size_t count, const CountLimit& limit) {
                              return count >= limit.least && count <= limit.most;
                          });
    };
    return meet(stand.zones, stand.limits.zones) && meet(stand.cores, stand.limits.cores);
}

} // namespace virtpind
