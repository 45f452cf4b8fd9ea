// SPDX-License-Identifier: LGPL-2.1-or-later
#include "charges.hpp"

#include <utility>

namespace virtpind {

std::vector<NodeSet> device_places(const HostIndex& host, const Intent& intent)
{
    std::vector<NodeSet> places;
    for (const auto& device : intent.devices) {
        auto here = host.near_all(device.nodes);
        if (!here.empty() && !here.includes(host.nodes_with_cpus)) {
            places.push_back(std::move(here));
        }
    }
    return places;
}

NodeSet attached_nodes(const HostIndex& host, const Intent& intent)
{
    NodeSet attached;
    for (const auto& device : intent.devices) {
        attached |= device.nodes.includes(host.nodes_with_cpus) ? NodeSet{} : device.nodes;
    }
    return attached;
}

NodeSet device_nodes(const HostIndex& host, const Intent& intent)
{
    NodeSet local;
    for (const auto& nodes : device_places(host, intent)) {
        local |= nodes;
    }
    return local;
}

std::optional<CpuSet> device_cpus(const HostIndex& host, const Intent& intent)
{
    const auto nodes = device_nodes(host, intent);
    if (intent.policy.device == DeviceChoice::prefer || nodes.empty()) {
        return std::nullopt;
    }
    auto cpus = host.topology->cpus_of(nodes);
    if (intent.policy.device == DeviceChoice::package) {
        const auto local = cpus;
        for (const auto& package : host.topology->packages) {
            cpus |= package.cpus.intersects(local) ? package.cpus : CpuSet{};
        }
    }
    return cpus;
}

bool is_unquiet(const HostIndex& host, CpuId cpu)
{
    return !host.quiet.empty() && !host.quiet.contains(cpu);
}

bool is_low_power(const HostIndex& host, KindIndex kind)
{
    return at_id(host.topology->kinds, kind).core_class == CoreClass::low_power;
}

bool is_big_cache(const HostIndex& host, L3Index l3)
{
    return host.has_vcache && at_id(host.topology->l3s, l3).vcache;
}

namespace {

constexpr std::size_t many_l3s = 4;

// Of many L3s, fewer than half are wholly free.
bool has_few_free_l3s(const HostIndex& host, const CpuSet& free)
{
    std::size_t all = 0;
    std::size_t whole = 0;
    for (const auto& cpus : host.l3_cpus) {
        all += cpus.empty() ? 0U : 1U;
        whole += !cpus.empty() && free.includes(cpus) ? 1U : 0U;
    }
    return all >= many_l3s && 2 * whole < all;
}

} // namespace

Charges::Charges(const HostIndex& host, const Intent& intent, const Surroundings& around)
    : host_{host}, intent_{intent}, around_{around}, local_{device_nodes(host, intent)}
{
    for (std::uint32_t i = 0; !local_.empty() && i < host.topology->nodes.size(); ++i) {
        device_distance_.push_back(host.distance_to(NodeIndex{i}, local_));
    }
    few_l3s_are_free_ =
        intent.policy.cache == CacheChoice::alone && has_few_free_l3s(host, around.free);
}

Score Charges::of_node(NodeIndex node) const
{
    Score score;
    score.add<CostTerm::nodes>(1);
    score.add<CostTerm::fragmented_nodes>(around_.free.includes(at_id(host_.node_cpus, node)) ? 1
                                                                                              : 0);
    return score;
}

Score Charges::of_package()
{
    Score score;
    score.add<CostTerm::packages>(1);
    return score;
}

Score Charges::of_l3(L3Index l3, const CpuSet& part) const
{
    Score score;
    score.add<CostTerm::l3>(1);
    score.add<CostTerm::fragmented_l3s>(around_.free.includes(at_id(host_.l3_cpus, l3)) ? 1 : 0);
    if (shares(l3)) {
        score.add<CostTerm::best_fit>(around_.free.common(part));
    } else if (intent_.policy.cache == CacheChoice::alone) {
        score.add<CostTerm::neighbours>(has_neighbours(l3) ? 1 : 0);
    } else {
        score.add<CostTerm::big_caches>(is_big_cache(host_, l3) ? 1 : 0);
        score.add<CostTerm::best_fit>(around_.free.common(part));
    }
    return score;
}

Score Charges::of_l2(L2Index l2) const
{
    Score score;
    score.add<CostTerm::l2>(1);
    score.add<CostTerm::fragmented_l2s>(around_.free.includes(at_id(host_.l2_cpus, l2)) ? 1 : 0);
    return score;
}

Score Charges::of_core(const HostCore& core) const
{
    Score score;
    score.add<CostTerm::shared_cores>(core.set.intersects(around_.claimed) ? 1 : 0);
    score.add<CostTerm::fragmented_cores>(around_.free.includes(core.set) ? 1 : 0);
    return score;
}

Score Charges::of_vcpus_on(const HostCore& core, std::size_t vcpus) const
{
    Score score;
    score.add<CostTerm::doubled>(intent_.policy.smt == SmtChoice::spread ? vcpus - 1 : 0);
    score.add<CostTerm::partial_cores>(vcpus < core.cpus.size() ? 1 : 0);
    return score;
}

Score Charges::of_vcpu_on(NodeIndex node, L3Index l3) const
{
    const auto disturbs_io =
        host_.io_nodes_set && intent_.devices.empty() && at_id(host_.has_io, node);
    // Domains with cache=pack leave the V-cache to others.
    const auto misses_vcache =
        host_.has_vcache && intent_.policy.cache == CacheChoice::alone && !is_big_cache(host_, l3);
    Score score;
    score.add<CostTerm::device>(is_remote(node) ? 1 : 0);
    score.add<CostTerm::device_distance>(device_distance_.empty() ? 0
                                                                  : at_id(device_distance_, node));
    score.add<CostTerm::io_nodes>(disturbs_io ? 1 : 0);
    score.add<CostTerm::small_cache>(misses_vcache ? 1 : 0);
    return score;
}

Score Charges::of_cpu(CpuId id) const
{
    Score score;
    score.add<CostTerm::low_power>(is_low_power(host_, host_.cpu(id).kind) ? 1 : 0);
    score.add<CostTerm::unquiet>(is_unquiet(host_, id) ? 1 : 0);
    score.add<CostTerm::loaded>(around_.loaded.contains(id) ? 1 : 0);
    score.add<CostTerm::rank>(host_.cpu(id).rank);
    return score;
}

// Far from the domain's devices, or from any memory.
bool Charges::is_remote(NodeIndex node) const
{
    return at_id(host_.lacks_memory, node) ||
           (!local_.empty() && !local_.contains(host_.node_id(node)));
}

// With cache=alone, a guest that does not fill an L3 leaves the last free ones to those who do.
bool Charges::shares(L3Index l3) const
{
    return few_l3s_are_free_ && intent_.vcpus_online.size() < at_id(host_.l3_cpus, l3).size();
}

// A claim uses it, or housekeeping does, or guests of others may float there. The last two do not
// count on a V-cache L3: half that cache and a few threads are still better than the small L3 next
// to it.
bool Charges::has_neighbours(L3Index l3) const
{
    const auto& cpus = at_id(host_.l3_cpus, l3);
    return cpus.intersects(around_.claimed) ||
           (!is_big_cache(host_, l3) &&
            (cpus.intersects(around_.housekeeping) || cpus.intersects(around_.loaded)));
}

} // namespace virtpind
