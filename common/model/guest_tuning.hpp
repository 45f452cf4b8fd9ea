// SPDX-License-Identifier: LGPL-2.1-or-later
// The CPU settings of a persistent definition from the next boot on.
// daemon/planner/guest/guest_topology decides, daemon/domain_xml/tuning_xml writes.
#pragma once

#include "domain.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace virtpind {

// The numbers, groups and pins of the guest's CPUs.
struct GuestCpus {
    GuestTopology topology;           // its product is the largest number of vCPUs
    std::map<VcpuId, CpuSet> pins;    // of the vCPUs enabled at boot; vCPU 0 is one of them
    std::vector<GuestCell> cells;     // all of them with all vCPUs, or empty
    std::optional<NumaTune> numatune; // only where the cells are new; else the plan's holds

    friend bool operator==(const GuestCpus&, const GuestCpus&) = default;
};

struct GuestTuning {
    std::optional<GuestCpus> cpus; // absent: number, shape and pins stay as they are
    // The vCPUs that start with the guest; absent, or with `cpus`: unchanged, or as `cpus` has it.
    std::optional<VcpuSet> enabled;
    bool static_placement = false; // libvirt does not ask numad for the placement
    bool list_vcpus = false; // <vcpus> is there, so that all but vCPU 0 can be unplugged later
    std::set<Tune> apply;
    std::set<Tune> withdraw; // asked for, but wrong on this host: removed
    // Parts that an earlier policy wrote and this one does not ask for, as they were before; "" for
    // absent ones. They are written first.
    DefinitionParts revert;
    // Whether libvirt supports <topology clusters=> (10.1.0 and later); absent: unknown, and the
    // attribute is neither added nor removed.
    std::optional<bool> clusters_known;

    [[nodiscard]] bool empty() const
    {
        return !cpus && !enabled && !static_placement && apply.empty() && withdraw.empty() &&
               revert.empty();
    }

    friend bool operator==(const GuestTuning&, const GuestTuning&) = default;
};

// The guest features that this host's libvirt and QEMU support; absent or 0: unknown (a file, a
// synthetic host), and everything asked for is written.
struct TuningAbilities {
    std::optional<bool> invtsc;
    std::optional<bool> topoext;
    std::uint64_t libvirt_version = 0; // as virConnectGetLibVersion: 10001000 is 10.1.0

    friend bool operator==(const TuningAbilities&, const TuningAbilities&) = default;
};

// "invtsc yes, topoext unknown".
[[nodiscard]] std::string describe(const TuningAbilities& abilities);

// The new number of each vCPU of `now` with `cpus`, as the guest counts: the nth that starts with
// it stays the nth, followed by the pluggable ones. A vCPU without a number would be a gap, or
// beyond the end. Empty if all numbers stay.
[[nodiscard]] std::optional<std::map<VcpuId, VcpuId>> new_numbers(const CpuDefinition& now,
                                                                  const GuestCpus& cpus);

// `now` after the tuning.
[[nodiscard]] CpuDefinition tuned_definition(CpuDefinition now, const GuestTuning& tuning);

// `now` with the pins of the tuning; without GuestCpus, they are unchanged.
[[nodiscard]] PinSet tuned_pins(PinSet now, const GuestTuning& tuning);

// Whether the definition has all of this already.
[[nodiscard]] bool is_tuned(const CpuDefinition& now, const PinSet& pins,
                            const GuestTuning& tuning);

} // namespace virtpind
