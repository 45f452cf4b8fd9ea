// SPDX-License-Identifier: LGPL-2.1-or-later
// One guest as the checks look at it: the pins in force against the host's cores, L3s and nodes.
#pragma once

#include "common/model/domain.hpp"
#include "common/model/topology.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace virtpind {

// vCPUs of one core of the guest, in ascending order.
using GuestCore = std::vector<VcpuId>;

struct GuestView {
    const Topology* host = nullptr;        // not null
    const ObservedDomain* seen = nullptr;  // not null
    const GuestDetails* details = nullptr; // of its definition; nullptr: not known
    const CpuDefinition* cpus = nullptr;   // the same
    std::string name;                      // printable
    PinSet pins;                           // in force
    bool shape_known = true;               // no argument of QEMU's overrides `topology`
    VcpuSet vcpus;                         // that run, or start with the guest
    GuestTopology topology;                // one socket per vCPU where the definition has none
    std::map<VcpuId, CpuSet> masks; // of `vcpus` with a pin that is narrower than the host: what
                                    // of it is online
    CpuSet own;                     // all CPUs of `masks` of vCPUs that stay in one core
    bool pinned = false;            // every vCPU that can run stays within one host core
    // Its policy put every vCPU where it is. What it lacks there the planner knows, and nobody
    // else: the policy may want it so, or others may have what would be better.
    bool placed = false;
    std::optional<CpuSet> emulator;         // where QEMU's own threads may run; nullopt: anywhere
    std::map<IothreadId, CpuSet> iothreads; // with a pin: what of it is online

    // The element of the host that all CPUs of a mask are in; nullopt: several.
    [[nodiscard]] std::optional<CoreIndex> core_of(const CpuSet& used) const;
    [[nodiscard]] std::optional<L3Index> l3_of(const CpuSet& used) const;

    // Its cores, as QEMU numbers them, of vCPUs in `vcpus`.
    [[nodiscard]] std::vector<GuestCore> cores() const;

    [[nodiscard]] bool has_devices() const
    {
        return !seen->facts.pci_devices.empty() || !seen->facts.indirect_devices.empty();
    }

    // Its definition has a policy, or could not be read for one.
    [[nodiscard]] bool has_policy() const { return seen->facts.metadata.content.has_value(); }
};

[[nodiscard]] GuestView view_of(const Topology& host, const ObservedDomain& seen);

// Nodes with CPUs of `cpus`, those that are near each other as one.
[[nodiscard]] std::vector<NodeSet> far_nodes(const Topology& host, const CpuSet& cpus);
// Whether some of both are on one node, or on near ones.
[[nodiscard]] bool are_near(const Topology& host, const CpuSet& a, const CpuSet& b);

// Whether the host's cores have more than one thread.
[[nodiscard]] bool has_smt(const Topology& host);
// Threads of the host's largest core that is online.
[[nodiscard]] std::size_t threads_per_core(const Topology& host);

} // namespace virtpind
