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

CpuSet choose_own_core(const HostIndex& host, const Intent& intent, const CpuSet& free,
                       const CpuSet& vcpus, const PresentCore& present)
{
    auto here = present_own_core(host, free, present.cpus);
    if (!here.empty() &&
        (present.stays || free.includes(host.cores[host.core_at(here.front())].set))) {
        return here;
    }
    const auto nodes = host.topology->nodes_of(vcpus);
    IdSet<L3Index> l3s;
    for (const auto cpu : vcpus) {
        l3s.insert(host.cpu(cpu).l3);
    }
    using Key = std::tuple<std::uint32_t, bool, bool>;
    std::optional<Key> best;
    CpuSet chosen;
    for (const auto& core : host.cores) {
        auto cpus = intent.policy.cpus.empty() ? core.set : core.set & intent.policy.cpus;
        if (cpus.empty() || !free.includes(core.set)) {
            continue;
        }
        const auto core_class = host.topology->kinds[raw(core.kind)].core_class;
        const Key key{host.distance_to(core.node, nodes), core_class != CoreClass::efficiency,
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
