// SPDX-License-Identifier: LGPL-2.1-or-later
#include "kept_housekeeping.hpp"

#include "housekeeping.hpp"

namespace virtpind {

namespace {

// Whether housekeeping gives way to it: it is placed by its policy, or was until somebody held it
// or its policy became unreadable. Whoever pins by hand may overlap by hand.
bool is_respected(const Member& member)
{
    const auto stance = member.intent->stance;
    return is_active(member) && (member.role == Member::Role::dedicated || stance == Stance::held ||
                                 stance == Stance::broken);
}

} // namespace

void add_claim(Occupied& occupied, const Member& member, const CpuSet& wished)
{
    if (!is_active(member)) {
        return;
    }
    occupied.by_active |= member.claim;
    if (is_respected(member)) {
        occupied.by_respected |= member.claim;
        occupied.around |= member.claim.intersects(wished) ? member.claim : CpuSet{};
    }
}

CpuSet remaining_beside(const Fleet& fleet, const CpuSet& wished, const Occupied& occupied)
{
    return remaining_housekeeping(fleet.host(), {.usable = fleet.usable(),
                                                 .wished = wished,
                                                 .occupied = occupied.by_respected,
                                                 .taken = occupied.by_active,
                                                 .around = occupied.around});
}

// Where the claims of `fleet` leave housekeeping.
CpuSet remaining_beside(const Fleet& fleet, const CpuSet& wished)
{
    Occupied occupied;
    for (const auto& member : fleet.members()) {
        add_claim(occupied, member, wished);
    }
    return remaining_beside(fleet, wished, occupied);
}

} // namespace virtpind
