// SPDX-License-Identifier: LGPL-2.1-or-later
// What a persistent definition should say about the guest's CPUs from the next boot on.
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

// How the guest's CPUs are numbered, grouped and pinned.
struct GuestCpus {
    GuestTopology topology;           // its product is the largest number of vCPUs
    std::map<VcpuId, CpuSet> pins;    // of the vCPUs enabled at boot; vCPU 0 is one of them
    std::vector<GuestCell> cells;     // all of them with all vCPUs, or empty
    std::optional<NumaTune> numatune; // only where the cells are new; else the plan's holds

    friend bool operator==(const GuestCpus&, const GuestCpus&) = default;
};

struct GuestTuning {
    std::optional<GuestCpus> cpus; // absent: number, shape and pins stay as they are
    // Which vCPUs start with the guest; absent, or with `cpus`: as they are, or as that says.
    std::optional<VcpuSet> enabled;
    bool static_placement = false; // libvirt asks nobody else where the vCPUs should run
    bool list_vcpus = false; // <vcpus> is there, so that all but vCPU 0 can be unplugged later
    std::set<Tune> apply;
    std::set<Tune> withdraw; // asked for, but wrong on this host: not to be there
    // Parts that an earlier policy wrote and this one does not ask for, as they were before; "" for
    // what was not there. They go first.
    DefinitionParts revert;
    // Whether libvirt knows <topology clusters=> (10.1.0 and later); absent: nobody can tell, and
    // the attribute is neither added nor removed.
    std::optional<bool> clusters_known;

    [[nodiscard]] bool empty() const
    {
        return !cpus && !enabled && !static_placement && apply.empty() && withdraw.empty() &&
               revert.empty();
    }

    friend bool operator==(const GuestTuning&, const GuestTuning&) = default;
};

// What this host's libvirt and QEMU can give a guest; absent or 0: nobody can tell (a file, a
// synthetic host), and what was asked for is written.
struct TuningAbilities {
    std::optional<bool> invtsc;
    std::optional<bool> topoext;
    std::uint64_t libvirt_version = 0; // as virConnectGetLibVersion: 10001000 is 10.1.0

    friend bool operator==(const TuningAbilities&, const TuningAbilities&) = default;
};

// "invtsc yes, topoext unknown".
[[nodiscard]] std::string describe(const TuningAbilities& abilities);

// Which number each vCPU of `now` has with `cpus`, as the guest counts: the nth that starts with it
// stays the nth, then come those that can be plugged. One without a number would be a gap, or
// beyond the end. Nothing where all numbers stay.
[[nodiscard]] std::optional<std::map<VcpuId, VcpuId>> new_numbers(const CpuDefinition& now,
                                                                  const GuestCpus& cpus);

// `now` with the tuning made.
[[nodiscard]] CpuDefinition tuned_definition(CpuDefinition now, const GuestTuning& tuning);

// `now` with the pins of the tuning; without GuestCpus they stay as they are.
[[nodiscard]] PinSet tuned_pins(PinSet now, const GuestTuning& tuning);

// Whether the definition says all that already.
[[nodiscard]] bool is_tuned(const CpuDefinition& now, const PinSet& pins,
                            const GuestTuning& tuning);

} // namespace virtpind
