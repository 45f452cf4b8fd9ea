// SPDX-License-Identifier: LGPL-2.1-or-later
// What a definition says beside CPUs and pins, for the doctor. Pure.
#pragma once

#include "common/model/guest_details.hpp"
#include "xml_reader.hpp"

#include <pugixml.hpp>

namespace virtpind {

// Of lists that a definition may make as long as it likes, at most this many entries are read.
inline constexpr std::size_t detail_entries_max = 1024;

// Values that cannot be read are left out: they make no definition unreadable.
[[nodiscard]] GuestDetails read_guest_details(const pugi::xml_node& domain);

} // namespace virtpind
