// SPDX-License-Identifier: LGPL-2.1-or-later
// A host as a client sees it: two L3s of eight cores, and a guest of each kind.
#pragma once

#include "clients/view/facts.hpp"
#include "clients/view/layout.hpp"

#include <cstdint>
#include <string>
#include <utility>

namespace virtpind::client {

inline CpuSet cpus(std::string_view list)
{
    auto set = CpuSet::parse(list);
    return set ? *set : CpuSet{};
}

inline std::string sample_uuid(unsigned number)
{
    return std::to_string(11111111U * number) + "-2222-3333-4444-555555555555";
}

// One vCPU on each of the CPUs, in pairs of siblings.
inline std::map<std::uint32_t, CpuSet> pinned_in_pairs(std::uint32_t first, std::uint32_t cores)
{
    std::map<std::uint32_t, CpuSet> vcpus;
    for (std::uint32_t core = 0; core < cores; ++core) {
        vcpus[2 * core] = CpuSet{CpuId{first + core}};
        vcpus[2 * core + 1] = CpuSet{CpuId{first + core + 16}};
    }
    return vcpus;
}

inline std::map<std::uint32_t, CpuSet> floating(std::uint32_t count, std::string_view list)
{
    std::map<std::uint32_t, CpuSet> vcpus;
    for (std::uint32_t vcpu = 0; vcpu < count; ++vcpu) {
        vcpus[vcpu] = cpus(list);
    }
    return vcpus;
}

inline const std::string sample_shortfall =
    "8 vCPUs float on the housekeeping CPUs 0,16, as the others are all claimed.";

inline Service sample_service()
{
    Service service{.version = "0.2.0",
                    .interface_version = 2,
                    .state = "degraded",
                    .libvirt_uri = "qemu:///system",
                    .online = cpus("0-31"),
                    .housekeeping = cpus("0,16"),
                    .policies = {"none", "shared", "dedicated", "passthrough", "auto"},
                    .default_policy = "none"};
    service.problems = {{{"pool-empty", "build: " + sample_shortfall}, sample_uuid(1)},
                        {{"old-kernel", "The kernel does not tell core kinds."}, ""}};
    return service;
}

inline Snapshot sample_snapshot()
{
    Snapshot snapshot{.service = sample_service()};
    snapshot.guests = {
        {.uuid = sample_uuid(1),
         .name = "build",
         .run_state = "running",
         .policy = "shared",
         .policy_source = "metadata",
         .pin_state = "pinned",
         .vcpus = floating(8, "0,16"),
         .emulator = cpus("0,16"),
         .satisfied = false,
         .shortfall = {"pool-empty", sample_shortfall},
         .placement = "housekeeping"},
        {.uuid = sample_uuid(2),
         .name = "gpu-lab",
         .run_state = "running",
         .policy = "dedicated",
         .policy_source = "metadata",
         .options = {{"smt", "require"}},
         .pin_state = "pinned",
         .vcpus = pinned_in_pairs(1, 6),
         .emulator = cpus("0,16"),
         .satisfied = true,
         .placement = "own"},
        {.uuid = sample_uuid(3),
         .name = "nas",
         .run_state = "shutoff",
         .policy = "none",
         .policy_source = "default",
         .pin_state = "idle",
         .vcpus = floating(4, "0-31"),
         .emulator = cpus("0-31"),
         .satisfied = true,
         .placement = "none"},
        {.uuid = sample_uuid(4),
         .name = "pihole",
         .run_state = "running",
         .policy = "none",
         .policy_source = "default",
         .pin_state = "foreign",
         .vcpus = pinned_in_pairs(7, 1),
         .emulator = cpus("0-31"),
         .satisfied = true,
         .placement = "foreign"},
        {.uuid = sample_uuid(5),
         .name = "win11",
         .run_state = "running",
         .policy = "dedicated",
         .policy_source = "metadata",
         .options = {{"cpus", "8-15,24-31"}, {"smt", "require"}},
         .pin_state = "pinned",
         .vcpus = pinned_in_pairs(8, 8),
         .emulator = cpus("0,16"),
         .satisfied = true,
         .placement = "own"},
    };
    return snapshot;
}

inline Layout sample_layout()
{
    constexpr std::uint64_t mib = 1024 * 1024;
    Layout layout;
    layout.packages = {cpus("0-31")};
    layout.l3s = {{cpus("0-7,16-23"), 96 * mib, true}, {cpus("8-15,24-31"), 32 * mib, false}};
    for (std::uint32_t core = 0; core < 16; ++core) {
        layout.cores.push_back({CpuSet{CpuId{core}, CpuId{core + 16}}, CoreKind::performance});
    }
    return layout;
}

} // namespace virtpind::client
