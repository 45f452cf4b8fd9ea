// SPDX-License-Identifier: LGPL-2.1-or-later
// How busy vCPUs are, and how long they wait for a CPU. Pure.
#pragma once

#include "facts.hpp"
#include "look.hpp"

#include <cstdint>
#include <map>
#include <string>

namespace virtpind::client {

// What the kernel has counted for one vCPU since its thread began.
struct VcpuTimes {
    std::uint64_t run_ns = 0;
    std::uint64_t wait_ns = 0; // runnable, without a CPU
};

// By the guest's UUID, then by vCPU.
using GuestTimes = std::map<std::string, std::map<std::uint32_t, VcpuTimes>>;

// A row for each vCPU that both looks saw, `between_ns` apart; those that wait longest first, at
// most `rows_max`. A guest without processes that can be seen is named.
[[nodiscard]] std::string render_times(const std::vector<Guest>& guests, const GuestTimes& before,
                                       const GuestTimes& now, std::uint64_t between_ns,
                                       std::size_t rows_max, const Look& look);

} // namespace virtpind::client
