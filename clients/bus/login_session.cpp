// SPDX-License-Identifier: LGPL-2.1-or-later
#include "login_session.hpp"

#include <systemd/sd-login.h>

#include <cstdlib>

namespace virtpind::client {

bool is_of_login_session()
{
    char* session = nullptr;
    const auto found = ::sd_pid_get_session(0, &session) >= 0;
    std::free(session); // NOLINT(cppcoreguidelines-no-malloc): libsystemd allocates it
    return found;
}

} // namespace virtpind::client
