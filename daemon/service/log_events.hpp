// SPDX-License-Identifier: LGPL-2.1-or-later
// Events for operators. Each has a message id, by which the journal is searched (journalctl
// MESSAGE_ID=...), and an entry in the catalog, systemd/journal/virtpind.catalog. Everything else
// is logged by common/base/logging.hpp. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace virtpind {

enum class LogEvent {
    domain_pinned,
    domain_partial,
    domain_failed,
    domain_foreign,
    domain_unsatisfiable,
    domain_set_apart,
    domain_restored,
    policy_set,
    policy_reset,
    pins_contested,
    libvirt_lost,
    libvirt_connected,
    config_refused,
    state_unusable,
    invariant_broken,
    guest_isolated,
    guest_shared,
    isolation_refused,
};

// A field of the journal entry: VIRTPIND_`name`=`value`. The name is a literal.
struct LogField {
    std::string_view name;
    std::string value;
};

// `text` is for people and complete without the fields. Logs to the journal if stderr is connected
// to it, otherwise to stderr.
void log_event(LogEvent event, const std::string& text, const std::vector<LogField>& fields = {});

} // namespace virtpind
