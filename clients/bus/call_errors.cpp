// SPDX-License-Identifier: LGPL-2.1-or-later
#include "call_errors.hpp"

#include "common/base/printable.hpp"
#include "dbus/errors.hpp"

#include <algorithm>
#include <array>

namespace virtpind::client {

namespace {

constexpr std::array service_errors{
    Errc::invalid_argument,  Errc::invalid_config,    Errc::invalid_policy, Errc::not_found,
    Errc::ambiguous,         Errc::conflict,          Errc::unsatisfiable,  Errc::unsupported,
    Errc::permission_denied, Errc::limits_exceeded,   Errc::timed_out,      Errc::host_unavailable,
    Errc::apply_failed,      Errc::partially_applied, Errc::not_persisted,  Errc::internal,
};

constexpr std::string_view bus_errors = "org.freedesktop.DBus.Error.";

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words)
{
    return std::find(words.begin(), words.end(), word) != words.end();
}

std::string with_host(std::string text, const Target& target)
{
    return target.name.empty() ? text : target_text(target) + ": " + text;
}

// Errors that the bus makes in the service's place.
Error bus_error(std::string_view word, const std::string& text, const Target& target)
{
    if (word == "ServiceUnknown" || word == "NameHasNoOwner" || word.rfind("Spawn.", 0) == 0) {
        return {.code = Errc::host_unavailable,
                .message = with_host(
                    "virtpind is not running; start it by: systemctl start virtpind", target)};
    }
    if (is_one_of(word,
                  {"UnknownMethod", "UnknownInterface", "UnknownProperty", "UnknownObject"})) {
        return {.code = Errc::unsupported,
                .message = with_host(
                    "the service is older than this virtpinctl and cannot do this; after an "
                    "upgrade: systemctl restart virtpind",
                    target)};
    }
    if (is_one_of(word, {"NoReply", "Timeout", "TimedOut"})) {
        return {.code = Errc::timed_out,
                .message = with_host(
                    "virtpind did not answer within " + std::to_string(call_timeout_seconds) +
                        " seconds, or ended meanwhile; what was asked for may still happen. See "
                        "virtpinctl status and virtpinctl log",
                    target)};
    }
    if (word == "InteractiveAuthorizationRequired") {
        return {.code = Errc::permission_denied, .message = with_host(text, target)};
    }
    if (is_one_of(word, {"Disconnected", "NoServer", "IOError"})) {
        return {.code = Errc::host_unavailable,
                .message = with_host("the message bus is gone: " + text, target)};
    }
    return {.code = Errc::internal, .message = with_host(text, target)};
}

} // namespace

Error call_error(std::string_view name, std::string_view text, const Target& target)
{
    constexpr std::size_t shown_max = 4096;
    const auto shown = printable(text, shown_max);
    for (const auto code : service_errors) {
        if (bus::error_name(code) == name) {
            return {.code = code, .message = with_host(shown, target)};
        }
    }
    if (name.rfind(bus_errors, 0) == 0) {
        return bus_error(name.substr(bus_errors.size()), shown, target);
    }
    if (name == "System.Error.ETIMEDOUT") {
        return bus_error("Timeout", shown, target);
    }
    if (name.rfind("System.Error.", 0) == 0) { // the connection itself
        return unreachable(text, target);
    }
    return {.code = Errc::internal, .message = with_host(shown, target)};
}

Error unreachable(std::string_view text, const Target& target)
{
    const auto why = printable(text);
    const auto name = printable(target.name);
    switch (target.kind) {
    case Target::Kind::host:
        return {.code = Errc::host_unavailable,
                .message = name + " cannot be reached: " + why + "; does ssh " + name + " work?"};
    case Target::Kind::machine:
        return {.code = Errc::host_unavailable,
                .message = "machine " + name + " cannot be reached: " + why +
                           "; machinectl list shows the machines, and only root may enter them"};
    case Target::Kind::session:
    case Target::Kind::system:
        break;
    }
    return {.code = Errc::host_unavailable,
            .message = "the message bus cannot be reached: " + why + "; is dbus running?"};
}

} // namespace virtpind::client
