// SPDX-License-Identifier: LGPL-2.1-or-later
// The destination of the log: stderr, with the priority prefixes of sd-daemon(3) when stderr is the
// journal, otherwise with the time.
#pragma once

#include <spdlog/common.h>

namespace virtpind {

void set_up_log(spdlog::level::level_enum level);

// Whether stderr is connected to the journal, which then also takes entries with fields.
[[nodiscard]] bool stderr_is_journal();

// The priority as in syslog(3).
[[nodiscard]] int syslog_priority(spdlog::level::level_enum level);

} // namespace virtpind
