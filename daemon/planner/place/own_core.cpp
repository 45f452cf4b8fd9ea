// SPDX-License-Identifier: LGPL-2.1-or-later
#include "own_core.hpp"

#include <optional>
#include <tuple>

namespace virtpind {

CpuSet present_own_core(const HostIndex& host, const CpuSet& free, const CpuSet& present)
{
    const auto here = !present.empty() && free.includes(present) &&
                      host.cores[host.core_at(present.front())].set.includes(present);
    return here ? present : CpuSet{};
}

CpuSet choose_own_core(const HostIndex& host, const Intent& intent, const CoreSupply& supply,
                       const CpuSet& vcpus, const PresentCore& present)
{
    const auto is_free = [&supply](const HostCore& core) {
        return supply.free.includes(core.set & supply.usable);
    };
    auto here = present_own_core(host, supply.free, present.cpus);
    if (!here.empty() && (present.stays || is_free(host.cores[host.core_at(here.front())]))) {
        return here;
    }
    const auto nodes = host.topology->nodes_of(vcpus);
    IdSet<L3Index> l3s;
    for (const auto cpu : vcpus) {
        l3s.insert(host.cpu(cpu).l3);
    }
    using Key = std::tuple<std::size_t, bool, std::uint32_t, bool, bool, bool>;
    std::optional<Key> best;
    CpuSet chosen;
    for (const auto& core : host.cores) {
        auto cpus = core.set & supply.free;
        if (!intent.policy.cpus.empty()) {
            cpus &= intent.policy.cpus;
        }
        if (cpus.empty() || !is_free(core)) {
            continue;
        }
        const auto core_class = at_id(host.topology->kinds, core.kind).core_class;
        const auto size = supply.prefer == CoreSupply::Prefer::small ? core.set.size() : 0;
        const Key key{size,
                      host.quiet.intersects(cpus), // threads float there
                      host.distance_to(core.node, nodes),
                      core_class != CoreClass::efficiency,
                      !supply.free.includes(core.set),
                      !l3s.contains(core.l3)};
        if (!best || key < *best) {
            best = key;
            chosen = std::move(cpus);
        }
    }
    return chosen;
}

CpuSet claim_of_own_core(const HostIndex& host, const CpuSet& free, const CpuSet& own)
{
    return own.empty() ? CpuSet{} : own | (host.cores[host.core_at(own.front())].set & free);
}

} // namespace virtpind
