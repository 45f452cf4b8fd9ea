// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core_offers.hpp"

#include <algorithm>
#include <iterator>
#include <tuple>

namespace virtpind {

void CoreOffers::set_offers(PackDemand& demand, const Kinds& kinds, OfferedCores cores) const
{
    demand.offers.clear();
    demand.offers.reserve(host_.cores.size());
    demand.cpus.clear();
    demand.cpus.reserve(task_.allowed.size());
    for (std::size_t core = 0; core < host_.cores.size(); ++core) {
        add_offer(demand, core, kinds, cores);
    }
}

void CoreOffers::add_offer(PackDemand& demand, std::size_t core, const Kinds& kinds,
                           OfferedCores cores) const
{
    const auto& place = host_.cores[core];
    const auto limit = task_.limits == nullptr ? CountLimit{} : task_.limits->cores[core];
    const auto kept = task_.kept.empty() ? 0 : task_.kept.common(place.set);
    auto& offer = demand.offers.emplace_back(
        CoreOffer{.first = demand.cpus.size(), .cpus = 0, .keep = limit.least, .most = 0});
    const auto needs_whole = whole_cores_only(task_.policy.smt) || cores == OfferedCores::own;
    if (!kinds.contains(place.kind) || (needs_whole && !task_.around.free.includes(place.set)) ||
        (task_.nodes && !task_.nodes->contains(host_.node_id(place.node)))) {
        return;
    }
    std::copy_if(place.cpus.begin(), place.cpus.end(), std::back_inserter(demand.cpus),
                 [this](CpuId cpu) { return task_.allowed.contains(cpu); });
    offer.cpus = demand.cpus.size() - offer.first;
    offer.most = cores == OfferedCores::any ? offer.cpus : std::min<std::size_t>(offer.cpus, 1);
    offer.most = std::min(offer.most, limit.most);
    offer.keep = std::max(kept, limit.least);
}

void CoreOffers::set_costs(PackDemand& demand, OfferedCores cores)
{
    demand.costs.assign(demand.cpus.size(), {});
    for (std::size_t core = 0; core < host_.cores.size(); ++core) {
        if (demand.offers[core].most > 0) {
            sort_cpus(demand, demand.offers[core]);
            set_costs_of(host_.cores[core], demand, demand.offers[core], cores);
        }
    }
}

void CoreOffers::sort_cpus(PackDemand& demand, const CoreOffer& offer) const
{
    if (offer.cpus < 2) {
        return;
    }
    const auto key = [this](CpuId cpu) {
        return std::tuple{!task_.kept.contains(cpu),    is_unquiet(host_, cpu),
                          !task_.present.contains(cpu), task_.around.loaded.contains(cpu),
                          host_.cpu(cpu).rank,          cpu};
    };
    const auto first = demand.cpus.begin() + static_cast<std::ptrdiff_t>(offer.first);
    std::sort(first, first + static_cast<std::ptrdiff_t>(offer.cpus),
              [&key](CpuId a, CpuId b) { return key(a) < key(b); });
}

void CoreOffers::set_costs_of(const HostCore& core, PackDemand& demand, const CoreOffer& offer,
                              OfferedCores cores)
{
    const auto once = task_.charges.of_core(core);
    const auto& each = cost_of_vcpu_on(core);
    const auto was_pinned = !task_.present.empty();
    Score of_vcpus;
    for (std::size_t vcpus = 1; vcpus <= offer.most; ++vcpus) {
        const auto at = offer.first + vcpus - 1;
        const auto cpu = demand.cpus[at];
        of_vcpus += each;
        of_vcpus += task_.charges.of_cpu(cpu);
        of_vcpus.add<CostTerm::moves>(was_pinned && !task_.present.contains(cpu) ? 1 : 0);
        auto& cost = demand.costs[at];
        cost = once;
        cost += of_vcpus;
        if (cores != OfferedCores::own) {
            cost += task_.charges.of_vcpus_on(core, vcpus);
        }
    }
}

// The same for all cores of an L3 in one node, which mostly follow each other.
const Score& CoreOffers::cost_of_vcpu_on(const HostCore& core)
{
    if (!each_ || each_->node != core.node || each_->l3 != core.l3) {
        each_ = {.node = core.node,
                 .l3 = core.l3,
                 .score = task_.charges.of_vcpu_on(core.node, core.l3)};
    }
    return each_->score;
}

} // namespace virtpind
