// SPDX-License-Identifier: LGPL-2.1-or-later
// polkit's agent for terminals, which asks for the password where polkit wants one.
#pragma once

#include <sys/types.h>

namespace virtpind::client {

class PasswordAgent {
public:
    // Starts pkttyagent where `wanted`, there is a terminal to ask on, and the user is not root,
    // who is not asked. Returns when it is ready, or without one: then the call is denied as it
    // would be.
    explicit PasswordAgent(bool wanted);
    ~PasswordAgent();
    PasswordAgent(const PasswordAgent&) = delete;
    PasswordAgent& operator=(const PasswordAgent&) = delete;

private:
    pid_t child_ = -1;
};

} // namespace virtpind::client
