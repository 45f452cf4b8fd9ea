// SPDX-License-Identifier: LGPL-2.1-or-later
// What virtpinctl does, a function for each verb. Each prints, and returns the exit status.
#pragma once

#include "session.hpp"

namespace virtpind::client {

// Reading.
[[nodiscard]] ExitStatus run_status(Session& session);
[[nodiscard]] ExitStatus run_list(Session& session);
[[nodiscard]] ExitStatus run_show(Session& session);
[[nodiscard]] ExitStatus run_map(Session& session);
[[nodiscard]] ExitStatus run_explain(Session& session);
[[nodiscard]] ExitStatus run_plan(Session& session);
[[nodiscard]] ExitStatus run_policies(Session& session);
[[nodiscard]] ExitStatus run_export(Session& session);
[[nodiscard]] ExitStatus run_metrics(Session& session);

// Changing.
[[nodiscard]] ExitStatus run_set(Session& session);
[[nodiscard]] ExitStatus run_reset(Session& session);
[[nodiscard]] ExitStatus run_apply(Session& session);
[[nodiscard]] ExitStatus run_reload(Session& session);

// Reading, and changing where it is told to.
[[nodiscard]] ExitStatus run_doctor(Session& session);

// Staying.
[[nodiscard]] ExitStatus run_watch(Session& session);
[[nodiscard]] ExitStatus run_top(Session& session);
// The status of the command that ran, or this program's own.
[[nodiscard]] int run_hold(Session& session);

// Becomes journalctl; returns only where there is none.
[[nodiscard]] ExitStatus run_log(Session& session);

} // namespace virtpind::client
