// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/errors.hpp"

namespace virtpind::bus {

std::string_view error_name(Errc code)
{
    switch (code) {
    case Errc::invalid_argument:
        return "org.freedesktop.DBus.Error.InvalidArgs";
    case Errc::invalid_config:
        return "org.virtpind1.Error.InvalidConfig";
    case Errc::invalid_policy:
        return "org.virtpind1.Error.InvalidPolicy";
    case Errc::not_found:
        return "org.virtpind1.Error.NoSuchDomain";
    case Errc::ambiguous:
        return "org.virtpind1.Error.AmbiguousDomain";
    case Errc::conflict:
        return "org.virtpind1.Error.Conflict";
    case Errc::unsatisfiable:
        return "org.virtpind1.Error.Unsatisfiable";
    case Errc::unsupported:
        return "org.virtpind1.Error.NotSupported";
    case Errc::permission_denied:
        return "org.freedesktop.DBus.Error.AccessDenied";
    case Errc::limits_exceeded:
        return "org.freedesktop.DBus.Error.LimitsExceeded";
    case Errc::timed_out:
        return "org.virtpind1.Error.TimedOut";
    case Errc::host_unavailable:
        return "org.virtpind1.Error.LibvirtUnavailable";
    case Errc::apply_failed:
        return "org.virtpind1.Error.ApplyFailed";
    case Errc::partially_applied:
        return "org.virtpind1.Error.PartiallyApplied";
    case Errc::not_persisted:
        return "org.virtpind1.Error.NotPersisted";
    case Errc::internal:
        break;
    }
    return "org.virtpind1.Error.Internal";
}

std::string_view error_word(Errc code)
{
    const auto name = error_name(code);
    return name.substr(name.rfind('.') + 1);
}

} // namespace virtpind::bus
