// SPDX-License-Identifier: LGPL-2.1-or-later
// One domain on one host, for tests of guest tuning: a host with caches, vCPUs on given CPUs.
#pragma once

#include "daemon/planner/guest/guest_topology.hpp"
#include "reasons.hpp"
#include "topology_builder.hpp"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

namespace virtpind::test {

// L1 and L2 per core, and the L3s it has already.
inline Topology with_caches(Topology host)
{
    for (const auto& core : host.cores) {
        for (const auto level : {1U, 2U}) {
            host.caches.push_back({.level = level,
                                   .type = level == 1 ? Cache::Type::data : Cache::Type::unified,
                                   .size_bytes = std::uint64_t{level} << 19U,
                                   .cpus = core.cpus});
        }
    }
    for (const auto& l3 : host.l3s) {
        host.caches.push_back({.level = 3, .size_bytes = l3.size_bytes, .cpus = l3.cpus});
    }
    return host;
}

inline Topology cached_host(const RegularHost& shape)
{
    return with_caches(regular_host(shape));
}

struct TuningCase {
    Topology host;
    Intent intent;
    DomainPlan plan;
    CpuDefinition now;
    TuningAbilities abilities;

    // vCPU 0 on the first of `cpus`, and so on; all of them start with the guest.
    TuningCase(Topology host_, const std::vector<std::uint32_t>& cpus, TopologyChoice topology,
               std::set<Tune> tune)
        : host{std::move(host_)}
    {
        intent.policy.placement = Placement::dedicated;
        intent.policy.topology = topology;
        intent.policy.tune = std::move(tune);
        intent.memory_kib = 16U << 20U;
        plan.placement = Placement::dedicated;
        plan.emulator = {CpuId{cpus.front()}};
        for (const auto cpu : cpus) {
            const VcpuId vcpu{static_cast<std::uint32_t>(plan.vcpus.size())};
            plan.vcpus.emplace(vcpu, CpuSet{CpuId{cpu}});
            intent.vcpus_online.insert(vcpu);
        }
        intent.vcpus_max = static_cast<std::uint32_t>(cpus.size());
        now.vcpus_max = intent.vcpus_max;
        now.enabled = intent.vcpus_online;
    }

    [[nodiscard]] TuningDecision decide() const
    {
        return make_guest_tuning({.topology = host,
                                  .intent = intent,
                                  .plan = plan,
                                  .now = now,
                                  .abilities = abilities,
                                  .vcpu_headroom = now.vcpus_max});
    }
};

inline std::vector<std::uint32_t> cpu_list(std::string_view text)
{
    const auto cpus = *CpuSet::parse(text);
    std::vector<std::uint32_t> all;
    for (const auto cpu : cpus) {
        all.push_back(raw(cpu));
    }
    return all;
}

inline const std::set<Tune> passthrough{Tune::cache_passthrough};

// "sockets.dies.cores.threads: enabled=CPUs in vCPU order".
inline std::string shape_of(const GuestTuning& tuning)
{
    if (!tuning.cpus) {
        return "kept";
    }
    const auto& shape = tuning.cpus->topology;
    VcpuSet enabled;
    std::string cpus;
    for (const auto& [vcpu, pin] : tuning.cpus->pins) {
        enabled.insert(vcpu);
        cpus += (cpus.empty() ? "" : ",") + pin.str();
    }
    return std::to_string(shape.sockets) + "." + std::to_string(shape.dies) + "." +
           std::to_string(shape.cores) + "." + std::to_string(shape.threads) + ": " +
           enabled.str() + "=" + cpus;
}

inline bool passes_caches(const TuningDecision& decision)
{
    return decision.tuning.apply.count(Tune::cache_passthrough) != 0;
}

inline TuningDecision match(const Topology& host, std::string_view cpus)
{
    return TuningCase{host, cpu_list(cpus), TopologyChoice::match, passthrough}.decide();
}

} // namespace virtpind::test
