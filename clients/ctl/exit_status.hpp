// SPDX-License-Identifier: LGPL-2.1-or-later
// The exit statuses of virtpinctl, which scripts rely on.
#pragma once

#include "common/base/result.hpp"

namespace virtpind::client {

enum ExitStatus {
    exit_ok = 0,
    exit_failed = 1,
    exit_usage = 2,
    exit_not_as_asked = 3, // it is done, but something that was asked for is missing
    exit_no_such_guest = 4,
    exit_denied = 5,
    exit_unreachable = 6, // the service, its bus, or libvirt
};

[[nodiscard]] ExitStatus exit_status(Errc code);

} // namespace virtpind::client
