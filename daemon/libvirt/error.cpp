// SPDX-License-Identifier: LGPL-2.1-or-later
#include "error.hpp"

#include <libvirt/virterror.h>

namespace virtpind {

namespace {

void say_nothing(void* /*opaque*/, virErrorPtr /*error*/) {}

// A broken connection has no code of its own: it is an internal or a system error of the RPC layer
// ("client socket is closed", "Failed to connect socket to ...").
bool is_connection_error(int code, int domain)
{
    return code == VIR_ERR_NO_CONNECT || code == VIR_ERR_INVALID_CONN ||
           (domain == VIR_FROM_RPC &&
            (code == VIR_ERR_INTERNAL_ERROR || code == VIR_ERR_SYSTEM_ERROR));
}

Errc to_errc(int code, int domain)
{
    if (is_connection_error(code, domain)) {
        return Errc::host_unavailable;
    }
    switch (code) {
    case VIR_ERR_NO_DOMAIN:
        return Errc::not_found;
    case VIR_ERR_ACCESS_DENIED:
    case VIR_ERR_OPERATION_DENIED:
    case VIR_ERR_AUTH_FAILED:
    case VIR_ERR_AUTH_CANCELLED:
    case VIR_ERR_AUTH_UNAVAILABLE:
        return Errc::permission_denied;
    case VIR_ERR_NO_SUPPORT:
    case VIR_ERR_CONFIG_UNSUPPORTED:
    case VIR_ERR_ARGUMENT_UNSUPPORTED:
    case VIR_ERR_OPERATION_UNSUPPORTED:
        return Errc::unsupported;
    case VIR_ERR_OPERATION_TIMEOUT:
        return Errc::timed_out;
    case VIR_ERR_INVALID_ARG:
        return Errc::invalid_argument;
    default:
        return Errc::apply_failed;
    }
}

} // namespace

void silence_libvirt()
{
    virSetErrorFunc(nullptr, say_nothing);
}

Error last_error()
{
    const auto* error = virGetLastError();
    if (error == nullptr) {
        return Error{.code = Errc::internal, .message = "libvirt failed without saying why"};
    }
    return Error{.code = to_errc(error->code, error->domain),
                 .message = error->message != nullptr ? error->message : "unknown libvirt error",
                 .native_code = error->code,
                 .native_domain = error->domain};
}

} // namespace virtpind
