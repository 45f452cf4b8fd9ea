// SPDX-License-Identifier: LGPL-2.1-or-later
// What a dedicated domain loses to housekeeping, and where housekeeping could be instead.
#pragma once

#include "fleet.hpp"

#include <compare>
#include <cstdint>
#include <optional>
#include <vector>

namespace virtpind {

// What automatic housekeeping gives way for; less is better, and the first that differs decides.
struct Loss {
    bool place = false;          // it does not fit
    std::uint64_t kind = 0;      // vCPUs on cores that are not of the wished kind
    std::uint64_t low_power = 0; // vCPUs on low-power cores
    std::uint64_t doubled = 0;   // with smt=spread, vCPUs on a core with another of its own
    std::uint64_t nodes = 0;     // that it spans, unless it asks for several
    bool device = false;         // it is not all on the nodes of its devices, or not near memory
    bool vcache = false;         // it would fill an L3 with V-cache and is elsewhere

    friend constexpr auto operator<=>(const Loss&, const Loss&) = default;
};

[[nodiscard]] Loss loss_of(const HostIndex& host, const Intent& intent,
                           const std::optional<Placed>& placed);

// What it loses where `fleet` has it.
[[nodiscard]] inline Loss loss_in(const Fleet& fleet, const Member& member)
{
    return loss_of(fleet.host(), *member.intent, member.placed);
}

// Whether it could lose less anywhere.
[[nodiscard]] bool loses_anything(const HostIndex& host, const Intent& intent,
                                  const std::optional<Placed>& placed);

// Placements that may be tried, a fixed number in each plan.
struct RetreatBudget {
    std::size_t questions = 64;
};

struct RetreatTask {
    const Intent& intent;
    Loss now;                        // as it is placed, with `housekeeping`
    const Fleet::Availability& room; // beside `housekeeping`, too
    const CpuSet& housekeeping;
};

// Sets that housekeeping could keep for the domain to lose less, the best first; none where nothing
// helps. At most four. Precondition: nothing is booked for the domain.
[[nodiscard]] std::vector<CpuSet> find_retreats(Fleet& fleet, const RetreatTask& task,
                                                RetreatBudget& budget);

// Where a domain would be with housekeeping on other CPUs. Precondition: as for what_if().
[[nodiscard]] std::optional<Placed> what_if_housekeeping(Fleet& fleet, const RetreatTask& task,
                                                         const CpuSet& housekeeping);

} // namespace virtpind
