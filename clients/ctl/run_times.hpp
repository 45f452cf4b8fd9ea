// SPDX-License-Identifier: LGPL-2.1-or-later
// What the kernel counts for the vCPUs of guests, read from its process files. Everybody may read
// these unless /proc is mounted with hidepid.
#pragma once

#include "clients/view/facts.hpp"
#include "clients/view/top_text.hpp"

#include <filesystem>
#include <vector>

namespace virtpind::client {

// Of the QEMU processes of these guests below `proc`. What is not there or ends meanwhile is left
// out.
[[nodiscard]] GuestTimes read_run_times(const std::filesystem::path& proc,
                                        const std::vector<Guest>& guests);

} // namespace virtpind::client
