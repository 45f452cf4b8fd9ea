// SPDX-License-Identifier: LGPL-2.1-or-later
#include "exit_status.hpp"

namespace virtpind::client {

ExitStatus exit_status(Errc code)
{
    switch (code) {
    case Errc::invalid_argument:
    case Errc::invalid_policy:
        return exit_usage;
    case Errc::not_found:
    case Errc::ambiguous:
        return exit_no_such_guest;
    case Errc::permission_denied:
        return exit_denied;
    case Errc::host_unavailable:
        return exit_unreachable;
    case Errc::partially_applied:
    case Errc::not_persisted:
        return exit_not_as_asked;
    case Errc::invalid_config:
    case Errc::conflict:
    case Errc::unsatisfiable:
    case Errc::unsupported:
    case Errc::limits_exceeded:
    case Errc::timed_out:
    case Errc::apply_failed:
    case Errc::internal:
        break;
    }
    return exit_failed;
}

} // namespace virtpind::client
