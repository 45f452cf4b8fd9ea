// SPDX-License-Identifier: LGPL-2.1-or-later
// Result<T>: a value or an Error, for expected failures (bad input, a domain that vanished, a host
// that is down). Broken invariants and out of memory are exceptions instead.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace virtpind {

// Each code has one D-Bus error name (dbus/errors.cpp) and one exit status (plan command).
enum class Errc {
    invalid_argument, // the caller's value is wrong; the message names it and the valid ones
    invalid_config,   // a file is wrong; the message starts with file:line
    invalid_policy,   // unknown option or named policy, wrong type, contradictory options
    not_found,        // no such domain (also: it vanished meanwhile)
    ambiguous,        // a name that fits several domains
    conflict,         // the caller expected another generation
    unsatisfiable,    // the policy cannot be met on this host now
    unsupported,      // this libvirt, driver or host cannot do it
    permission_denied,
    limits_exceeded, // a documented limit of virtpind
    timed_out,
    host_unavailable,  // libvirt is not reachable
    apply_failed,      // no part of the plan is in force
    partially_applied, // a part of the plan is in force
    not_persisted,     // it is in force but not stored
    internal,
};

// The error, for a person: names the input, the valid values and the next step.
struct Error {
    Errc code = Errc::internal;
    std::string message;
    int native_code = 0;   // libvirt's virErrorNumber, 0 when it was not libvirt
    int native_domain = 0; // libvirt's virErrorDomain

    // As the error rises, with a verb: "Failed to pin vCPU 3 of web1: why".
    [[nodiscard]] Error failed_to(std::string_view what) &&;

    friend bool operator==(const Error&, const Error&) = default;
};

template <class T>
class [[nodiscard]] Result {
public:
    // NOLINTNEXTLINE(google-explicit-constructor): for return statements
    Result(T value) : state_{std::in_place_index<0>, std::move(value)} {}

    // NOLINTNEXTLINE(google-explicit-constructor): for return statements
    Result(Error error) : state_{std::in_place_index<1>, std::move(error)} {}

    [[nodiscard]] bool ok() const noexcept { return state_.index() == 0; }

    explicit operator bool() const noexcept { return ok(); }

    // Precondition: ok(). std::get throws otherwise, a broken invariant.
    [[nodiscard]] T& value() & { return std::get<0>(state_); }

    [[nodiscard]] const T& value() const& { return std::get<0>(state_); }

    [[nodiscard]] T&& value() && { return std::get<0>(std::move(state_)); }

    [[nodiscard]] T& operator*() & { return value(); }

    [[nodiscard]] const T& operator*() const& { return value(); }

    [[nodiscard]] T&& operator*() && { return std::move(*this).value(); }

    [[nodiscard]] T* operator->() { return &value(); }

    [[nodiscard]] const T* operator->() const { return &value(); }

    // Precondition: !ok().
    [[nodiscard]] Error& error() & { return std::get<1>(state_); }

    [[nodiscard]] const Error& error() const& { return std::get<1>(state_); }

    [[nodiscard]] Error&& error() && { return std::get<1>(std::move(state_)); }

private:
    std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
public:
    Result() = default;

    // NOLINTNEXTLINE(google-explicit-constructor): for return statements
    Result(Error error) : error_{std::move(error)} {}

    [[nodiscard]] bool ok() const noexcept { return !error_.has_value(); }

    explicit operator bool() const noexcept { return ok(); }

    // Precondition: !ok().
    [[nodiscard]] Error& error() & { return error_.value(); }

    [[nodiscard]] const Error& error() const& { return error_.value(); }

    [[nodiscard]] Error&& error() && { return std::move(error_).value(); }

private:
    std::optional<Error> error_;
};

} // namespace virtpind
