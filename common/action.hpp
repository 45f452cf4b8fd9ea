// SPDX-License-Identifier: LGPL-2.1-or-later
// One action is one change to one domain, as small as libvirt lets it be. diff() makes them,
// daemon/host/virt_actuator applies them in order.
#pragma once

#include "domain.hpp"

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace virtpind {

struct PinVcpu {
    VcpuId vcpu{};
    CpuSet cpus;
};

struct PinEmulator {
    CpuSet cpus;
};

struct PinIothread {
    IothreadId iothread{};
    CpuSet cpus;
};

// Live: only the nodeset, and only where libvirt can (mode restrictive, or no numatune yet).
struct SetNuma {
    NumaTune numatune;
};

// The running domain.
using LiveAction = std::variant<PinVcpu, PinEmulator, PinIothread, SetNuma>;

// The persistent definition: the pins it should have afterwards. Absent members are left alone;
// `replace` removes what is not in `pins` as well (restoring a before-image).
struct DefinitionChange {
    enum class Mode { merge, replace } mode = Mode::merge;
    PinSet pins;
};

// Everything to do for one domain in one pass. The actuator stops, quietly, when the domain is
// gone or has another id than `id` (it was restarted: the next pass sees to it).
struct DomainActions {
    DomainUuid uuid;
    std::string name;
    std::optional<int> id;
    std::vector<LiveAction> live;
    std::optional<DefinitionChange> definition;

    [[nodiscard]] bool empty() const { return live.empty() && !definition; }
};

// What came of one DomainActions.
struct Outcome {
    DomainUuid uuid;
    std::string name;
    std::optional<int> id;
    bool gone = false;                // vanished or restarted meanwhile: not an error
    std::size_t applied = 0;          // live actions and definition changes that libvirt accepted
    std::vector<Error> errors;        // libvirt's refusals, with context; the rest was still tried
    std::vector<std::string> differs; // after reading back: what does not hold, as sentences
    std::optional<ObservedDomain> after; // the domain as read back (live pins and real affinities)
};

[[nodiscard]] std::string describe(const LiveAction& action); // "pin vCPU 3 to 6,18"

} // namespace virtpind
