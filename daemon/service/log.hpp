// SPDX-License-Identifier: LGPL-2.1-or-later
// Where the log goes: stderr, with the priority prefixes that journald reads when it is listening
// (sd-daemon(3)), else with the time.
#pragma once

#include <spdlog/common.h>

namespace virtpind {

void set_up_log(spdlog::level::level_enum level);

// Whether what is written to stderr ends in the journal, which then takes entries with fields too.
[[nodiscard]] bool stderr_is_journal();

// As of syslog(3).
[[nodiscard]] int syslog_priority(spdlog::level::level_enum level);

} // namespace virtpind
