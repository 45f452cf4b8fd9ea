// SPDX-License-Identifier: LGPL-2.1-or-later
// One change of a guest's policy, and what has become of it and of others.
#pragma once

#include "session.hpp"

#include <string>

namespace virtpind::client {

struct ChangeOutcome {
    ExitStatus status = exit_ok;
    std::string text; // for people, without what to do next
    Guest guest;      // after it
};

// Whether a password may be asked for: pkttyagent speaks with this host's polkit only.
[[nodiscard]] bool wants_agent(const Session& session);

// What the words and options of the command line ask the service for. Errors: as
// parse_policy_words() and completed(); unsupported, by a service that is too old.
[[nodiscard]] Result<PolicyChange> wanted_change(const Session& session, const Snapshot& now,
                                                 const Guest& guest);

// nullptr: it has gone.
[[nodiscard]] const Guest* same_guest(const Snapshot& snapshot, const std::string& uuid);

// Asks the service for `change`, and waits until it is pinned. `guest` is one of `before`. What was
// done in part is told on standard error. Errors: those of the service; not_found, it has gone
// meanwhile.
[[nodiscard]] Result<ChangeOutcome> change_policy(Session& session, const Snapshot& before,
                                                  const Guest& guest, const PolicyChange& change);

} // namespace virtpind::client
