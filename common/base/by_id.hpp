// SPDX-License-Identifier: LGPL-2.1-or-later
// Look-ups in vectors by id or position. Only here does the number of an id become an index
// (tests/lint/check_indexing.py): ids come from definitions, metadata, files and the bus, and an id
// of another host may be unknown here.
#pragma once

#include "ids.hpp"

#include <cstddef>

namespace virtpind {

// For ids from outside: the element, or nullptr if the id is unknown.
template <class Items, class Id>
[[nodiscard]] auto find_id(Items& items, Id id) noexcept -> decltype(&items[0])
{
    const auto index = static_cast<std::size_t>(raw(id));
    return index < items.size() ? &items[index] : nullptr;
}

[[noreturn]] void no_such_id(std::size_t number, std::size_t size); // std::out_of_range

// For ids from this host's own tables. Throws std::out_of_range for an unknown id: a broken
// invariant, which costs one domain its plan instead of ending the daemon.
template <class Items, class Id>
[[nodiscard]] decltype(auto) at_id(Items& items, Id id)
{
    const auto index = static_cast<std::size_t>(raw(id));
    if (index >= items.size()) {
        no_such_id(index, items.size());
    }
    return items[index];
}

} // namespace virtpind
