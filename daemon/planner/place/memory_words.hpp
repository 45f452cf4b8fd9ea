// SPDX-License-Identifier: LGPL-2.1-or-later
// Amounts of memory in messages for people. Pure.
#pragma once

#include "common/model/plan.hpp"

#include <cstdint>
#include <string>

namespace virtpind {

// "12 MiB", rounded up.
[[nodiscard]] std::string mib(std::uint64_t kib);

// "2 MiB", "1 GiB".
[[nodiscard]] std::string page_size(std::uint64_t kib);

// "16384 MiB of free hugepages of 1048576 KiB": all the memory that it is to have.
[[nodiscard]] std::string memory_wanted(const Intent& intent);

} // namespace virtpind
