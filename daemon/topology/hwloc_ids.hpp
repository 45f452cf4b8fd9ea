// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "common/base/cpu_set.hpp"

#include <hwloc.h>

namespace virtpind {

// The members of a bitmap below id_set_limit; none of an infinite one.
template <class Id>
[[nodiscard]] IdSet<Id> to_id_set(hwloc_const_bitmap_t bitmap)
{
    IdSet<Id> ids;
    if (hwloc_bitmap_weight(bitmap) < 0) {
        return ids;
    }
    for (auto id = hwloc_bitmap_first(bitmap); id >= 0 && id < static_cast<int>(id_set_limit);
         id = hwloc_bitmap_next(bitmap, id)) {
        ids.insert(Id{static_cast<std::uint32_t>(id)});
    }
    return ids;
}

} // namespace virtpind
